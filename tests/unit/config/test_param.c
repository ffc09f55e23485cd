#include "config/param.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

struct sample {
    const char *text, *raw;
    bool flag;
    int64_t count, wait;
};

static const struct param_row rows[] = {
    {"text", PARAM_TEXT, "a $flag", 1, 10, "", offsetof(struct sample, text), ""},
    {"raw", PARAM_RAW, "$user", 0, 0, "", offsetof(struct sample, raw), ""},
    {"flag", PARAM_BOOL, "${none?{yes}:{no}}", 0, 0, "", offsetof(struct sample, flag), ""},
    {"count", PARAM_INT, "5", 2, 9, "", offsetof(struct sample, count), ""},
    {"wait", PARAM_TIME, "2h", 60, 864000, "", offsetof(struct sample, wait), ""},
    {0},
};

static struct config *new_config(void)
{
    struct config *cfg = config_new("/nonexistent");
    config_declare(cfg, rows);
    return cfg;
}

static void defaults_are_read(void **unused)
{
    (void)unused;
    struct sample sample = {0};
    struct err err = ERR_INIT;
    struct config *cfg = new_config();
    assert_true(params_load(cfg, rows, &sample, &err));
    assert_string_equal(sample.text, "a no");
    assert_string_equal(sample.raw, "$user");
    assert_false(sample.flag);
    assert_int_equal(sample.count, 5);
    assert_int_equal(sample.wait, 7200);
    params_done(rows, &sample);
    assert_null(sample.text);
    config_free(cfg);
}

static void settings_are_read(void **unused)
{
    (void)unused;
    struct sample sample = {0};
    struct err err = ERR_INIT;
    struct config *cfg = new_config();
    config_override(cfg, "flag", "YES");
    config_override(cfg, "count", "9");
    config_override(cfg, "wait", "3"); /* the default says: hours */
    config_override(cfg, "raw", "${x");
    assert_true(params_load(cfg, rows, &sample, &err));
    assert_true(sample.flag);
    assert_int_equal(sample.count, 9);
    assert_int_equal(sample.wait, 3 * 3600);
    assert_string_equal(sample.raw, "${x");
    params_done(rows, &sample);
    config_free(cfg);
}

static void bad_values_are_named(void **unused)
{
    (void)unused;
    static const struct {
        const char *name, *value, *reason;
    } bad[] = {
        {"text", "", "bad string length 0 < 1: text =  (-o text)"},
        {"text", "12345678901", "bad string length 11 > 10: text = 12345678901 (-o text)"},
        {"text", "${x",
         "dictionary mail_dict: macro processing error: text: truncated macro reference: \"${x\" "
         "(-o text)"},
        {"flag", "maybe", "bad boolean configuration: flag = maybe (-o flag; wanted: yes or no)"},
        {"flag", "", "bad boolean configuration: flag =  (-o flag; wanted: yes or no)"},
        {"count", "xyz",
         "bad numerical configuration: count = xyz (-o count; wanted: a whole number)"},
        {"count", "5x",
         "bad numerical configuration: count = 5x (-o count; wanted: a whole number)"},
        {"count", "1", "invalid count parameter value 1 < 2 (-o count; wanted: a whole number)"},
        {"count", "10", "invalid count parameter value 10 > 9 (-o count; wanted: a whole number)"},
        {"count", "99999999999999999999",
         "bad numerical configuration: count = 99999999999999999999 (-o count; wanted: a whole "
         "number)"},
        {"wait", "1y",
         "parameter wait: bad time value or unit: 1y (-o wait; wanted: a number and s, m, h, d or "
         "w)"},
        {"wait", "-1s",
         "parameter wait: bad time value or unit: -1s (-o wait; wanted: a number and s, m, h, d or "
         "w)"},
        {"wait", "1s", "invalid wait: 1 (min 60) (-o wait; wanted: a number and s, m, h, d or w)"},
        {"wait", "2w",
         "invalid wait: 1209600 (max 864000) (-o wait; wanted: a number and s, m, h, d or w)"},
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct sample sample = {0};
        struct err err = ERR_INIT;
        struct config *cfg = new_config();
        config_override(cfg, bad[i].name, bad[i].value);
        assert_false(params_load(cfg, rows, &sample, &err));
        assert_string_equal(err.reason, bad[i].reason);
        assert_int_equal(err.kind, ERR_CONFIG);
        params_done(rows, &sample);
        config_free(cfg);
    }
}

static void run_time_names_have_defaults(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT;
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    int64_t value;
    bool flag;
    struct config *cfg = new_config();
    assert_true(config_get_int(cfg, "smtp_limit", "$count", 1, 0, &value, &err));
    assert_int_equal(value, 5);
    assert_true(config_get_time(cfg, "smtp_wait", "$wait", 0, 0, &value, &err));
    assert_int_equal(value, 7200);
    config_override(cfg, "smtp_wait", "1");
    assert_true(config_get_time(cfg, "smtp_wait", "$wait", 0, 0, &value, &err));
    assert_int_equal(value, 3600);
    assert_true(config_get_bool(cfg, "smtp_flag", "yes", &flag, &err));
    assert_true(flag);
    assert_true(config_get_text(cfg, "smtp_text", "<$text>", &text, &err));
    assert_string_equal(text.s, "<a no>");
    config_free(cfg);
}

static void names_that_begin_with_a_digit(void **unused)
{
    (void)unused;
    static const struct param_row digit[] = {{"_2x", PARAM_TEXT, "", 0, 0, "", 0, ""}, {0}};
    assert_string_equal(param_name(&digit[0]), "2x");
    assert_ptr_equal(param_find(digit, "2x"), &digit[0]);
    assert_null(param_find(digit, "x"));
    assert_ptr_equal(param_find(rows, "count"), &rows[3]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_read),
        cmocka_unit_test(settings_are_read),
        cmocka_unit_test(bad_values_are_named),
        cmocka_unit_test(run_time_names_have_defaults),
        cmocka_unit_test(names_that_begin_with_a_digit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
