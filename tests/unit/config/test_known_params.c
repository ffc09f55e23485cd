#include "config/known_params.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void every_row_has_facts(void **unused)
{
    (void)unused;
    size_t count = 0, unbuilt = 0;
    for (const struct param_row *row = known_param_rows; row->name; row++) {
        const struct known_param_facts *facts = known_param_facts(param_name(row));
        assert_non_null(facts);
        assert_string_equal(facts->name, param_name(row));
        assert_non_null(facts->readers);
        if (facts->comes_with) {
            assert_string_equal(facts->readers, "");
            unbuilt++;
        }
        if (facts->pointless)
            assert_string_equal(facts->readers, "");
        count++;
    }
    assert_true(count > 900);
    assert_true(unbuilt < count);
    assert_null(known_param_facts("no_such_name"));
    assert_non_null(known_param_facts("qmgr_fudge_factor")->pointless);
    assert_null(known_param_facts("qmgr_fudge_factor")->comes_with);
    assert_string_equal(known_param_facts("2bounce_notice_recipient")->readers, "bounce");
    assert_string_equal(known_param_facts("notify_classes")->words,
                        "bounce 2bounce data delay policy protocol resource software");
}

/* Programs check this of their own rows at start; of the others nobody would notice. */
static void defaults_pass_their_own_checks(void **unused)
{
    (void)unused;
    struct config *cfg = config_new("/nonexistent");
    config_declare(cfg, known_param_rows);
    for (const struct param_row *row = known_param_rows; row->name; row++) {
        CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
        struct err err = ERR_INIT;
        const char *name = param_name(row);
        int64_t number;
        bool flag, ok = true;
        if (row->kind == PARAM_TEXT) {
            ok = config_get_text(cfg, name, NULL, &text, &err);
            /* what the program computes is empty here */
            if (ok && row->default_text[0])
                ok = param_check_text(name, row, text.s, &err);
        } else if (row->kind == PARAM_RAW) {
            ok = param_check_text(name, row, row->default_text, &err);
        } else if (row->kind == PARAM_BOOL) {
            ok = config_get_bool(cfg, name, NULL, &flag, &err);
        } else if (row->kind == PARAM_INT) {
            ok = config_get_int(cfg, name, NULL, row->min, row->max, &number, &err);
        } else {
            ok = config_get_time(cfg, name, row->default_text, row->min, row->max, &number, &err);
        }
        if (!ok)
            fail_msg("%s: %s", name, err.reason);
    }
    config_free(cfg);
}

static void patterns_are_found(void **unused)
{
    (void)unused;
    static const struct {
        const char *name, *service, *suffix;
    } rows[] = {
        {"x_destination_concurrency_limit", "x", "_destination_concurrency_limit"},
        {"a_b_recipient_limit", "a_b", "_recipient_limit"},
        {"x_destination_recipient_limit", "x", "_destination_recipient_limit"},
        {"uucp_time_limit", "uucp", "_time_limit"},
        {"_time_limit", NULL, NULL},
        {"time_limit", NULL, NULL},
        {"relayhost", NULL, NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        print_message("  row: %s\n", rows[i].name);
        struct slice service;
        const struct param_pattern *pattern = known_param_pattern_of(rows[i].name, &service);
        assert_int_equal(pattern != NULL, rows[i].service != NULL);
        if (!pattern)
            continue;
        assert_string_equal(pattern->row.name, rows[i].suffix);
        assert_true(slice_eq(service, rows[i].service));
    }
}

static void patterns_belong_to_commands(void **unused)
{
    (void)unused;
    struct slice service;
    const struct param_pattern *limit = known_param_pattern_of("x_recipient_limit", &service);
    const struct param_pattern *time = known_param_pattern_of("x_time_limit", &service);
    assert_true(param_pattern_is_for(limit, "smtp"));
    assert_false(param_pattern_is_for(limit, "spawn"));
    assert_true(param_pattern_is_for(time, "spawn"));
    assert_true(param_pattern_is_for(time, "pipe"));
    assert_false(param_pattern_is_for(time, "smtpd"));
}

static void old_names(void **unused)
{
    (void)unused;
    assert_string_equal(known_param_old("virtual_maps")->instead, "virtual_alias_maps");
    assert_string_equal(known_param_old("authorized_verp_clients")->instead,
                        "smtpd_authorized_verp_clients");
    assert_string_equal(known_param_old("smtp_skip_4xx_greeting")->instead, "");
    assert_null(known_param_old("virtual_alias_maps"));
}

static void near_names(void **unused)
{
    (void)unused;
    const char *names[2];
    assert_int_equal(known_param_near("smtpd_recipient_restriction", names, 2), 1);
    assert_string_equal(names[0], "smtpd_recipient_restrictions");
    assert_int_equal(known_param_near("mydestinations", names, 1), 1);
    assert_string_equal(names[0], "mydestination");
    assert_int_equal(known_param_near("quite_something_else", names, 2), 0);
    /* an old name is no advice */
    if (known_param_near("smtpd_use_tl", names, 1) > 0)
        assert_string_not_equal(names[0], "smtpd_use_tls");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_has_facts), cmocka_unit_test(defaults_pass_their_own_checks),
        cmocka_unit_test(patterns_are_found),  cmocka_unit_test(patterns_belong_to_commands),
        cmocka_unit_test(old_names),           cmocka_unit_test(near_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
