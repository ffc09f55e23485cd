#include "unit/cm.h"

#include "config/clean_env.h"

#include "base/strbuf.h"

static void keeps_names_and_sets_values(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT;
    setenv("KEPT", "old", 1);
    setenv("LOST", "old", 1);
    setenv("CHANGED", "old", 1);
    assert_true(clean_env_apply("KEPT MISSING CHANGED=new, EMPTY= {WORDS = a b}", &err));
    assert_string_equal(getenv("KEPT"), "old");
    assert_null(getenv("LOST"));
    assert_null(getenv("MISSING"));
    assert_string_equal(getenv("CHANGED"), "new");
    assert_string_equal(getenv("EMPTY"), "");
    assert_string_equal(getenv("WORDS"), "a b");
}

static void bad_items_change_nothing(void **unused)
{
    (void)unused;
    static const struct {
        const char *list, *reason;
    } rows[] = {
        {"=x", "missing attribute name in: =x"},
        {"A = x", "missing attribute name in: ="},
        {"{ = x}", "missing attribute name in: = x"},
        {"{A B=c}", "missing '=' after attribute name in: A B=c"},
        {"{A=x", "missing '}' in \"{A=x\""},
        {"{A=x}y", "syntax error after '}' in \"{A=x}y\""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct err err = ERR_INIT;
        print_message("  row: %s\n", rows[i].list);
        setenv("STAYS", "here", 1);
        assert_false(clean_env_apply(rows[i].list, &err));
        assert_string_equal(err.reason, rows[i].reason);
        assert_int_equal(err.kind, ERR_CONFIG);
        assert_string_equal(getenv("STAYS"), "here");
    }
}

static void lists_are_made(void **unused)
{
    (void)unused;
    static const struct {
        const char *list, *env; /* joined by | */
    } rows[] = {
        {"A B", "A=old|"},
        {"{A} {} {\tA\t}", "A=old|A=old|"},
        {"A=x, A={x y}", "A=x|A={x y}|"},
        {"{A = {x} }", "A={x}|"},
        {"{A= a, b}", "A=a, b|"},
        {"A=b=c", "A=b=c|"},
        {"", ""},
    };
    setenv("A", "old", 1);
    unsetenv("B");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(argv_done) struct argv env = ARGV_INIT;
        CLEANUP(strbuf_done) struct strbuf got = STRBUF_ANY;
        struct err err = ERR_INIT;
        print_message("  row: %s\n", rows[i].list);
        assert_true(clean_env_list(rows[i].list, &env, &err));
        for (size_t k = 0; k < env.count; k++)
            strbuf_addf(&got, "%s|", env.at[k]);
        assert_string_equal(got.s, rows[i].env);
    }
}

static void updates_keep_the_rest(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT;
    setenv("STAYS", "here", 1);
    setenv("CHANGED", "old", 1);
    assert_true(clean_env_update("CHANGED=new OTHER", &err));
    assert_string_equal(getenv("STAYS"), "here");
    assert_string_equal(getenv("CHANGED"), "new");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_names_and_sets_values),
        cmocka_unit_test(bad_items_change_nothing),
        cmocka_unit_test(lists_are_made),
        cmocka_unit_test(updates_keep_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
