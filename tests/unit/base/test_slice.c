#include "unit/cm.h"

#include "base/num.h"

static void splits_at_the_first_or_last_byte(void **unused)
{
    (void)unused;
    struct slice a, b, in = slice_of("a@b@c");
    assert_true(slice_split(in, '@', &a, &b));
    assert_slice(a, "a");
    assert_slice(b, "b@c");
    assert_true(slice_rsplit(in, '@', &a, &b));
    assert_slice(a, "a@b");
    assert_slice(b, "c");
    assert_false(slice_split(in, '%', &a, &b));
}

static void takes_items_of_a_list(void **unused)
{
    (void)unused;
    static const struct {
        const char *text, *items[5];
    } rows[] = {
        {"a, b\tc", {"a", "b", "c"}},
        {"  ,, ", {NULL}},
        {"hash:/x, inline:{ a=b, c=d } last", {"hash:/x", "inline:{ a=b, c=d }", "last"}},
        {"{a {b c} d} e", {"{a {b c} d}", "e"}},
        {"unclosed {a b", {"unclosed", "{a b"}},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct slice in = slice_of(rows[i].text), item;
        ROW(rows[i].text);
        for (size_t n = 0; rows[i].items[n]; n++) {
            assert_true(slice_next_item(&in, &item));
            assert_slice(item, rows[i].items[n]);
        }
        assert_false(slice_next_item(&in, &item));
    }
}

static void ends(void **unused)
{
    (void)unused;
    assert_true(slice_ends(slice_of("dir/"), "/"));
    assert_true(slice_ends(slice_of("/"), "/"));
    assert_true(slice_ends(SLICE_EMPTY, ""));
    assert_false(slice_ends(SLICE_EMPTY, "/"));
    assert_false(slice_ends(slice_of("/dir"), "/"));
    assert_false(slice_ends(slice_of("A.FOO"), ".foo"));
    assert_true(slice_ends_nocase(slice_of("A.FOO"), ".foo"));
}

static void takes_lines_with_either_end(void **unused)
{
    (void)unused;
    struct slice in = slice_of("one\r\ntwo\n\nlast"), line;
    const char *expected[] = {"one", "two", "", "last"};
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        assert_true(slice_next_line(&in, &line));
        assert_slice(line, expected[i]);
    }
    assert_false(slice_next_line(&in, &line));
}

static void parses_numbers_strictly(void **unused)
{
    (void)unused;
    static const struct {
        const char *text;
        bool ok;
        int64_t value;
    } rows[] = {
        {"0", true, 0},
        {"-5", true, -5},
        {"9223372036854775807", true, INT64_MAX},
        {"9223372036854775808", false, 0},
        {"", false, 0},
        {"12x", false, 0},
        {" 1", false, 0},
        {"-", false, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t value = 0;
        ROW(rows[i].text);
        assert_int_equal(num_parse_i64(slice_of(rows[i].text), &value), rows[i].ok);
        if (rows[i].ok)
            assert_int_equal(value, rows[i].value);
    }
}

static void parses_times_with_units(void **unused)
{
    (void)unused;
    static const struct {
        const char *text;
        char unit;
        bool ok;
        int64_t seconds;
    } rows[] = {
        {"5", 's', true, 5},      {"5", 'd', true, 432000},
        {"3h", 's', true, 10800}, {"2w", 's', true, 1209600},
        {"1x", 's', false, 0},    {"-1", 's', false, 0},
        {"s", 's', false, 0},     {"99999999999999999w", 's', false, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t value = 0;
        ROW(rows[i].text);
        assert_int_equal(num_parse_seconds(slice_of(rows[i].text), rows[i].unit, &value),
                         rows[i].ok);
        if (rows[i].ok)
            assert_int_equal(value, rows[i].seconds);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splits_at_the_first_or_last_byte),
        cmocka_unit_test(takes_items_of_a_list),
        cmocka_unit_test(ends),
        cmocka_unit_test(takes_lines_with_either_end),
        cmocka_unit_test(parses_numbers_strictly),
        cmocka_unit_test(parses_times_with_units),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
