#include "unit/cm.h"

#include "base/clock.h"
#include "base/text.h"

static void base64_both_ways(void **unused)
{
    (void)unused;
    static const struct {
        const char *plain, *coded;
    } rows[] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY;
        ROW(rows[i].plain);
        text_base64_encode(slice_of(rows[i].plain), &out);
        assert_strbuf(out, rows[i].coded);
        strbuf_reset(&out);
        assert_true(text_base64_decode(slice_of(rows[i].coded), &out));
        assert_strbuf(out, rows[i].plain);
    }
}

static void base64_refuses_what_it_is_not(void **unused)
{
    (void)unused;
    static const char *const bad[] = {"Zg", "Zg=", "Z===", "Zg==Zg==", "Zm 9", "=m9v"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY;
        ROW(bad[i]);
        assert_false(text_base64_decode(slice_of(bad[i]), &out));
    }
}

static void xtext_both_ways(void **unused)
{
    (void)unused;
    CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY, back = STRBUF_ANY;
    text_xtext_encode(slice_of("who+x=1 \x80"), &out);
    assert_strbuf(out, "who+2Bx+3D1+20+80");
    assert_true(text_xtext_decode(strbuf_slice(&out), &back));
    assert_strbuf(back, "who+x=1 \x80");
    assert_false(text_xtext_decode(slice_of("a+2"), &back));
    assert_false(text_xtext_decode(slice_of("a+2G"), &back));
}

static void utf8_xtext_is_ascii(void **unused)
{
    (void)unused;
    static const struct {
        const char *text, *expected;
    } rows[] = {
        {"a@b.test", "a@b.test"},
        {"\xc3\xa5sa+x=1@b", "\\x{E5}sa\\x{2B}x\\x{3D}1@b"},
        {"a b\\c", "a\\x{20}b\\x{5C}c"},
        {"\xf0\x9f\x93\xa8", "\\x{1F4E8}"},
        {"a\xc3", "a?"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY;
        text_utf8_xtext_encode(slice_of(rows[i].text), &out);
        assert_strbuf(out, rows[i].expected);
    }
}

static void utf8_is_checked(void **unused)
{
    (void)unused;
    static const struct {
        const char *text;
        bool ok;
    } rows[] = {
        // clang-format off
        {"plain", true},        {"\xc3\xb1", true},         {"\xe2\x82\xac", true},
        {"\xf0\x9f\x93\xa8", true}, {"\xc0\x80", false},    {"\xed\xa0\x80", false},
        {"\xf5\x80\x80\x80", false}, {"\xc3", false},       {"a\x80", false},
        // clang-format on
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        ROW(rows[i].text);
        assert_int_equal(text_is_utf8(slice_of(rows[i].text)), rows[i].ok);
    }
}

static void shows_what_does_not_print(void **unused)
{
    (void)unused;
    CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY;
    text_add_printable(&out, slice_of("a\x01\xc3\xb1\xff z"));
    assert_strbuf(out, "a?\xc3\xb1? z");
    strbuf_reset(&out);
    text_add_json(&out, slice_of("a\"\\\n\x7f\xc3\xb1"));
    assert_string_equal(out.s, "\"a\\\"\\\\\\u000a\\u007f\xc3\xb1\"");
    strbuf_reset(&out);
    text_add_json(&out, slice_of("\xff"));
    assert_string_equal(out.s, "\"?\"");
    strbuf_reset(&out);
    text_add_escaped(&out, slice_of("a\r\n\\\x01"));
    assert_strbuf(out, "a\\r\\n\\\\\\001");
}

/* Each byte at each place: eight are folded at once. */
static void only_capitals_are_folded(void **unused)
{
    (void)unused;
    for (int byte = 0; byte < 256; byte++) {
        int small = byte >= 'A' && byte <= 'Z' ? byte - 'A' + 'a' : byte;
        for (size_t at = 0; at < 19; at++) {
            CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY;
            char in[19], expected[19];
            memset(in, 'x', sizeof in);
            memset(expected, 'x', sizeof expected);
            in[at] = (char)byte;
            expected[at] = (char)small;
            text_fold_case(&out, (struct slice){in, sizeof in});
            assert_int_equal(out.len, sizeof in);
            assert_memory_equal(out.s, expected, sizeof expected);
        }
    }
}

static void dates_are_english(void **unused)
{
    (void)unused;
    CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY;
    setenv("TZ", "UTC", 1);
    tzset();
    clock_format_mail_date(1795295233, &out);
    assert_strbuf(out, "Sat, 21 Nov 2026 21:07:13 +0000 (UTC)");
    strbuf_reset(&out);
    clock_format_ctime(1793491633, &out);
    assert_strbuf(out, "Sun Nov  1 00:07:13 2026");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base64_both_ways),         cmocka_unit_test(base64_refuses_what_it_is_not),
        cmocka_unit_test(xtext_both_ways),          cmocka_unit_test(utf8_xtext_is_ascii),
        cmocka_unit_test(utf8_is_checked),          cmocka_unit_test(shows_what_does_not_print),
        cmocka_unit_test(only_capitals_are_folded), cmocka_unit_test(dates_are_english),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
