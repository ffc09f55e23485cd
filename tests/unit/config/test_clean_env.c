#include "unit/cm.h"

#include "config/clean_env.h"

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
    static const char *const rows[] = {"=x", "{}", "{name}", "{ = x}"};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct err err = ERR_INIT;
        print_message("  row: %s\n", rows[i]);
        setenv("STAYS", "here", 1);
        assert_false(clean_env_apply(rows[i], &err));
        assert_int_equal(err.kind, ERR_CONFIG);
        assert_string_equal(getenv("STAYS"), "here");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_names_and_sets_values),
        cmocka_unit_test(bad_items_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
