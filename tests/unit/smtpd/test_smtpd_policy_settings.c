/* The argument of check_policy_service. */
#include "unit/smtpd/fixture.h"

#include "smtpd/smtpd_policy_settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static void good_ones(void **unused)
{
    (void)unused;
    static const struct {
        const char *argument, *name, *action, *context;
        int64_t timeout, tries;
    } rows[] = {
        {"inet:127.0.0.1:10", "127.0.0.1:10", "451 4.3.5 Server configuration problem", "", 100, 2},
        {"unix:private/x", "private/x", "451 4.3.5 Server configuration problem", "", 100, 2},
        {"{ local:/x }", "/x", "451 4.3.5 Server configuration problem", "", 100, 2},
        {"{inet:[::1]:10,timeout=2m,try_limit=7,policy_context=a}", "[::1]:10",
         "451 4.3.5 Server configuration problem", "a", 120, 7},
        {"{ inet:a:10, { default_action = 450 4.5.6 a, b } { policy_context = }, timeout=3 }",
         "a:10", "450 4.5.6 a, b", "", 3, 2},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct err err = ERR_INIT;
        struct smtpd_policy_settings got;
        print_message("  row: %s\n", rows[i].argument);
        assert_true(smtpd_policy_settings_parse(&got, rows[i].argument, &err));
        assert_string_equal(got.name, rows[i].name);
        assert_string_equal(got.default_action, rows[i].action);
        assert_string_equal(got.context, rows[i].context);
        assert_int_equal(got.timeout, rows[i].timeout);
        assert_int_equal(got.try_limit, rows[i].tries);
        smtpd_policy_settings_done(&got);
    }
}

static void bad_ones(void **unused)
{
    (void)unused;
    static const char *const rows[] = {
        "",
        "{}",
        "{",
        "inet",
        "inet:",
        "inet:host",
        "tcp:host:1",
        "{ inet:a:1, timeout }",
        "{ inet:a:1, timeout=0 }",
        "{ inet:a:1, timeout=1y }",
        "{ inet:a:1, try_limit=0 }",
        "{ inet:a:1, default_action= }",
        "{ inet:a:1, {timeout=1s }",
        "{ inet:a:1, other=1 }",
        "{ inet:a:1 } x",
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct err err = ERR_INIT;
        struct smtpd_policy_settings got;
        print_message("  row: %s\n", rows[i]);
        assert_false(smtpd_policy_settings_parse(&got, rows[i], &err));
        assert_int_equal(err.kind, ERR_CONFIG);
        assert_true(err.reason[0]);
        smtpd_policy_settings_done(&got);
    }
}

int main(void)
{
    fixture_open();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_ones),
        cmocka_unit_test(bad_ones),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    fixture_close();
    return failed;
}
