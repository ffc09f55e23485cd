#include "mail/cleanup_msg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void the_worst_bit_decides(void **unused)
{
    (void)unused;
    static const struct {
        int64_t status;
        int code;
        const char *text;
    } rows[] = {
        {0, 250, "2.0.0 Ok"},
        {CLEANUP_STAT_WRITE, 451, "4.3.0 Error: queue file write error"},
        {CLEANUP_STAT_SIZE, 552, "5.3.4 Error: message file too big"},
        {CLEANUP_STAT_HOPS, 554, "5.4.0 Error: too many hops"},
        {CLEANUP_STAT_HOPS | CLEANUP_STAT_WRITE, 451, "4.3.0 Error: queue file write error"},
        {1 << 30, 451, "4.3.0 Error: internal error"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int code;
        const char *text;
        cleanup_status_text(rows[i].status, &code, &text);
        assert_int_equal(code, rows[i].code);
        assert_string_equal(text, rows[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_worst_bit_decides)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
