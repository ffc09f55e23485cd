#include "config/compat_level.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void levels_have_an_order(void **unused)
{
    (void)unused;
    static const char *const rows[] = {"0",     "0.1", "1",      "2",      "3.5.1023", "3.6",
                                       "3.6.1", "3.9", "3.10.2", "3.1023", "9999"};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (size_t k = 0; k < COUNT_OF(rows); k++) {
            print_message("  row: %s < %s\n", rows[i], rows[k]);
            assert_int_equal(compat_level_is_below(rows[i], rows[k]), i < k);
        }
    }
    assert_false(compat_level_is_below("3.6.0", "3.6"));
    assert_false(compat_level_is_below("3.6", "3.6.0"));
    assert_true(compat_level_is_below(" +3.6", "3.7"));
    assert_false(compat_level_is_below("no level", "3.7"));
}

static void what_is_no_level(void **unused)
{
    (void)unused;
    static const char *const rows[] = {"",     "x",        "3.",        ".1",  "3..1",
                                       "3.6 ", "3.6.1.2",  "3.1024",    "3.x", "-3",
                                       "0x3",  "3.6.1024", "3.6.1-RC1", "+",   "8796093022208"};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct err err = ERR_INIT;
        uint64_t level = 1;
        print_message("  row: %s\n", rows[i]);
        assert_false(compat_level_parse(slice_of(rows[i]), &level, &err));
        assert_int_equal(err.kind, ERR_CONFIG);
        assert_int_equal(level, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_have_an_order),
        cmocka_unit_test(what_is_no_level),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
