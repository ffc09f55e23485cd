#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void delays_have_two_digits(void **unused)
{
    (void)unused;
    static const struct {
        int64_t us;
        int resolution;
        const char *text;
    } rows[] = {
        {0, 2, "0"},         {4999, 2, "0"},        {5000, 2, "0.01"},     {14999, 2, "0.01"},
        {99600, 2, "0.1"},   {100000, 2, "0.1"},    {123456, 2, "0.12"},   {999999, 2, "1"},
        {1240000, 2, "1.2"}, {1260000, 2, "1.3"},   {9960000, 2, "10"},    {12340000, 2, "12"},
        {12600000, 2, "13"}, {123456789, 2, "123"}, {299500000, 2, "300"}, {-5, 2, "0"},
        {12345, 4, "0.012"}, {12, 6, "0.000012"},   {123, 6, "0.00012"},   {449999, 0, "0"},
        {500000, 0, "1"},    {100000000, 6, "100"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(strbuf_done) struct strbuf out = STRBUF_INIT(100);
        clock_format_delay(rows[i].us, rows[i].resolution, &out);
        print_message("  row: %lld us\n", (long long)rows[i].us);
        assert_string_equal(out.s, rows[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(delays_have_two_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
