#include "unit/cm.h"

#include "milter/milter_params.h"
#include "milter/milter_macros.h"
#include "milter/milter_spec.h"

static struct config *cfg;

static int load(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT;
    cfg = config_new("/nonexistent");
    config_override(cfg, "myhostname", "our.test");
    config_override(cfg, "milter_macro_defaults", "x=1, {long}=no, { {b} = two words }");
    config_declare(cfg, milter_param_rows);
    return params_load(cfg, milter_param_rows, &milter_params, &err) ? 0 : -1;
}

static int unload(void **unused)
{
    (void)unused;
    params_done(milter_param_rows, &milter_params);
    config_free(cfg);
    return 0;
}

static void lists_with_settings(void **unused)
{
    (void)unused;
    struct milter_specs specs;
    struct err err = ERR_INIT;
    assert_true(milter_specs_parse(&specs, "t",
                                   "inet:localhost:1, { unix:/x , default_action=accept, "
                                   "{command_timeout = 2m}, protocol=2 }\n"
                                   " { inet:[::1]:2, content_timeout=5 }",
                                   &err));
    assert_int_equal(specs.count, 3);
    assert_string_equal(specs.at[0].name, "inet:localhost:1");
    assert_int_equal(specs.at[0].connect_ms, 30000);
    assert_int_equal(specs.at[0].content_ms, 300000);
    assert_int_equal(specs.at[0].fallback, MILTER_FALLBACK_SHUTDOWN);
    assert_int_equal(specs.at[0].version, 6);
    assert_int_equal(specs.at[0].events, 0x1fffff);
    assert_string_equal(specs.at[1].name, "unix:/x");
    assert_int_equal(specs.at[1].command_ms, 120000);
    assert_int_equal(specs.at[1].fallback, MILTER_FALLBACK_ACCEPT);
    assert_int_equal(specs.at[1].version, 2);
    assert_int_equal(specs.at[1].events, 0x7f);
    assert_string_equal(specs.at[2].name, "inet:[::1]:2");
    assert_int_equal(specs.at[2].content_ms, 5000);
    milter_specs_done(&specs);
    assert_true(milter_specs_parse(&specs, "t", " , ", &err));
    assert_int_equal(specs.count, 0);
}

static void nonsense_is_refused(void **unused)
{
    (void)unused;
    static const char *const rows[] = {
        "localhost:1",
        "inet:localhost",
        "inet:localhost:",
        "unix:",
        "{ inet:h:1",
        "{ }",
        "{ inet:h:1, timeout=3 }",
        "{ inet:h:1, command_timeout }",
        "{ inet:h:1, command_timeout=soon }",
        "{ inet:h:1, command_timeout=0 }",
        "{ inet:h:1, protocol=5 }",
        "{ inet:h:1, protocol=no_header_reply }",
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct milter_specs specs;
        struct err err = ERR_INIT;
        print_message("  row: %s\n", rows[i]);
        assert_false(milter_specs_parse(&specs, "smtpd_milters", rows[i], &err));
        assert_int_equal(err.kind, ERR_CONFIG);
        assert_true(slice_starts(slice_of(err.reason), "smtpd_milters: "));
        assert_int_equal(specs.count, 0);
    }
}

static const char *macro(void *ctx, struct slice name, struct strbuf *value)
{
    (void)ctx;
    strbuf_set(value, "made");
    return slice_eq(name, "i") ? "ID" : slice_eq(name, "{m}") ? value->s : NULL;
}

static void macros_have_defaults(void **unused)
{
    (void)unused;
    CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY;
    milter_macros_add(&out, 'M', slice_of("i {m} x {long} {b} b none"), macro, NULL);
    static const char wanted[] =
        "Mi\0ID\0{m}\0made\0x\0001\0{long}\0no\0{b}\0two words\0b\0two words";
    assert_int_equal(out.len, sizeof wanted);
    assert_memory_equal(out.s, wanted, sizeof wanted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_with_settings),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(macros_have_defaults),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
