#include "unit/cm.h"

#include "map/map_prefix.h"

static void prefixes_are_found(void **unused)
{
    (void)unused;
    static const struct {
        const char *pattern, *prefix;
    } rows[] = {
        {"^Subject: buy .*now", "subject: buy "},
        {"^a\\.b\\/c", "a.b/c"},
        {"^ab*", "a"},
        {"^ab?c", "a"},
        {"^ab+", "a"},
        {"^ab{0,3}", "a"},
        {"^a\\.*", "a"},
        {"^a.c", "a"},
        {"^a[bc]", "a"},
        {"^a(b)", "a"},
        {"^a\\d", "a"},
        {"^a\\<b", "a"},
        {"^a\\", "a"},
        {"^a$", "a"},
        {"^ab|cd", ""},
        {"ab", ""},
        {"", ""},
        {"^", ""},
        {"^(?i)x", ""},
        {"^0123456789012345678901234567890123456789", "012345678901234567890123456789"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct map_prefix prefix = map_prefix_of(slice_of(rows[i].pattern), true);
        ROW(rows[i].pattern);
        assert_slice(((struct slice){prefix.text, prefix.len}), rows[i].prefix);
    }
}

static void other_keys_are_kept_out(void **unused)
{
    (void)unused;
    static const struct {
        const char *pattern;
        bool is_caseless;
        const char *key;
        bool allows;
    } rows[] = {
        {"^Ab", true, "aBc", true},   {"^Ab", true, "a", false},
        {"^Ab", true, "xab", false},  {"^Ab", false, "Abc", true},
        {"^Ab", false, "abc", false}, {"^k", true, "\xe2\x84\xaa", true},
        {"x", true, "y", true},       {"^Ab", true, "", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct map_prefix prefix = map_prefix_of(slice_of(rows[i].pattern), rows[i].is_caseless);
        ROW(rows[i].key);
        assert_int_equal(map_prefix_allows(&prefix, rows[i].key), rows[i].allows);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prefixes_are_found),
        cmocka_unit_test(other_keys_are_kept_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
