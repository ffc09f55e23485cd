/* Replies of policy servers. */
#include "unit/cm.h"

#include "smtpd/smtpd_policy.h"

static void replies(void **unused)
{
    (void)unused;
    static const struct {
        const char *in;
        enum smtpd_policy_parse expect;
        const char *action;
        size_t size;
    } rows[] = {
        {"", SMTPD_POLICY_MORE, "", 0},
        {"action=OK", SMTPD_POLICY_MORE, "", 0},
        {"action=OK\n", SMTPD_POLICY_MORE, "", 0},
        {"action=OK\n\n", SMTPD_POLICY_ACTION, "OK", 11},
        {"action=\n\n", SMTPD_POLICY_ACTION, "", 9},
        {"a=b\naction=550 x=y\n\nmore", SMTPD_POLICY_ACTION, "550 x=y", 20},
        {"action=one\naction=two\n\n", SMTPD_POLICY_ACTION, "one", 23},
        {"\n", SMTPD_POLICY_NO_ACTION, "", 1},
        {"action\n\n", SMTPD_POLICY_NO_ACTION, "", 8},
        {"action =x\n\n", SMTPD_POLICY_NO_ACTION, "", 11},
        {"action=OK\r\n\r\n", SMTPD_POLICY_MORE, "", 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct slice action = SLICE_EMPTY;
        size_t size = 0;
        print_message("  row: %s\n", rows[i].in);
        assert_int_equal(smtpd_policy_parse(slice_of(rows[i].in), &action, &size), rows[i].expect);
        if (rows[i].expect != SMTPD_POLICY_MORE)
            assert_int_equal(size, rows[i].size);
        if (rows[i].expect == SMTPD_POLICY_ACTION)
            assert_true(slice_eq(action, rows[i].action));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(replies)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
