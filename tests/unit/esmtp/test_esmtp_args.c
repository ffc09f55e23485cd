/* Parameters of MAIL and RCPT. */
#include "base/slice.h"
#include "esmtp/esmtp_args.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void next_arg_splits_keyword_and_value(void **unused)
{
    (void)unused;
    static const struct {
        const char *name, *line, *keyword, *value;
    } rows[] = {
        {"value", "SIZE=1000 BODY=7BIT", "SIZE", "1000"},
        {"no value", "SMTPUTF8", "SMTPUTF8", ""},
        {"leading blanks", "   RET=HDRS", "RET", "HDRS"},
        {"leading tab", "\tRET=HDRS\t", "RET", "HDRS"},
        {"value has =", "ENVID=a=b", "ENVID", "a=b"},
        {"empty keyword", "=x", "", "x"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct slice in = slice_of(rows[i].line), keyword, value;
        print_message("  row: %s\n", rows[i].name);
        assert_true(esmtp_next_arg(&in, &keyword, &value));
        assert_true(slice_eq(keyword, rows[i].keyword));
        assert_true(slice_eq(value, rows[i].value));
    }
}

static void next_arg_ends(void **unused)
{
    (void)unused;
    struct slice in = slice_of(" A=1  B "), keyword, value;
    assert_true(esmtp_next_arg(&in, &keyword, &value));
    assert_true(esmtp_next_arg(&in, &keyword, &value));
    assert_true(slice_eq(keyword, "B"));
    assert_false(esmtp_next_arg(&in, &keyword, &value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(next_arg_splits_keyword_and_value),
        cmocka_unit_test(next_arg_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
