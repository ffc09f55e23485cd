/* map_text: logical lines, and the entries of postmap and aliases files. */
#include "map/map_text.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct {
    enum map_text_format format;
    const char *text, *key, *value, *problem;
} rows[] = {
    {MAP_TEXT_POSTMAP, "key value\n", "key", "value", ""},
    {MAP_TEXT_POSTMAP, "key value  \n  cont\n", "key", "value    cont", ""},
    {MAP_TEXT_POSTMAP, "foo\n bar\n\n#x\n baz\n", "foo", "bar baz", ""},
    {MAP_TEXT_POSTMAP, "# c\n\n  # indented\nkey\tv", "key", "v", ""},
    {MAP_TEXT_POSTMAP, "\"q k\" v\n", "\"q k\"", "v", ""},
    {MAP_TEXT_POSTMAP, "x\"a b\" c\n", "x\"a b\"", "c", ""},
    {MAP_TEXT_POSTMAP, "a\\ b c\n", "a\\ b", "c", ""},
    {MAP_TEXT_POSTMAP, "z \"a b\"\n", "z", "\"a b\"", ""},
    {MAP_TEXT_POSTMAP, "noval\n", "", "", "f, line 1: expected format: key whitespace value"},
    {MAP_TEXT_POSTMAP, "\"bad vv\n", "", "",
     "f, line 1: unbalanced '\"' in '\"bad vv' -- ignoring this line"},
    {MAP_TEXT_POSTMAP, "a: b\n", "a:", "b",
     "f, line 1: record is in \"key: value\" format; is this an alias file?"},
    {MAP_TEXT_POSTMAP, "\n  aaaaaaaaaabbbbbbbbbbccccccccccdd\n", "", "",
     "f: logical line must not start with whitespace: \"  aaaaaaaaaabbbbbbbbbbcccccccc...\""},
    {MAP_TEXT_POSTMAP, "\xff\xfe x\n", "", "",
     "f, line 1: non-UTF-8 input \"?? x\" -- ignoring this line"},
    {MAP_TEXT_ALIASES, "Root: a,b\n", "Root", "a, b", ""},
    {MAP_TEXT_ALIASES, "\"a b\": x\n", "a b", "x", ""},
    {MAP_TEXT_ALIASES, "foo bar: y\n", "foo bar", "y", ""},
    {MAP_TEXT_ALIASES, "cmd: \"|/bin/x y\"\n  , z\n", "cmd", "\"|/bin/x y\", z", ""},
    {MAP_TEXT_ALIASES, "inc: :include:/x.y/z\n", "inc", ":include:/x.y/z", ""},
    {MAP_TEXT_ALIASES, "com(ment)x: q\n", "com (ment) x", "q", ""},
    {MAP_TEXT_ALIASES, "f: g,h,,i\n", "f", "g, h, , i", ""},
    {MAP_TEXT_ALIASES, "owner: <x@y>\n", "owner", "<x@y>", ""},
    {MAP_TEXT_ALIASES, "q: \"a b\"@c\n", "q", "\"a b\"@c", ""},
    {MAP_TEXT_ALIASES, "\"x@y\": local\n", "x@y", "local", ""},
    {MAP_TEXT_ALIASES, "back\\ slash: q\n", "back slash", "q", ""},
    {MAP_TEXT_ALIASES, "d: \"open\n", "d", "\"open\"", ""},
    {MAP_TEXT_ALIASES, "g:; h\n", "g", ";h", ""},
    {MAP_TEXT_ALIASES, "nocolon\n", "", "", "f, line 1: need name:value pair"},
    {MAP_TEXT_ALIASES, ": x\n", "", "", "f, line 1: need name:value pair"},
    {MAP_TEXT_ALIASES, "noval:\n", "", "", "f, line 1: need name:value pair"},
    {MAP_TEXT_ALIASES, "a@b: k\n", "", "", "f, line 1: name must be local"},
};

static void entries_are_read(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct map_text in;
        struct map_text_entry entry;
        struct map_text_options options = {.format = rows[i].format, .source = "f", .utf8 = true};
        print_message("  text: %s\n", rows[i].text);
        map_text_init(&in, slice_of(rows[i].text));
        map_text_entry_init(&entry);
        assert_true(map_text_next_entry(&in, &options, &entry));
        assert_string_equal(entry.key.s, rows[i].key);
        if (entry.key.len > 0)
            assert_string_equal(entry.value.s, rows[i].value);
        assert_string_equal(entry.problem.s, rows[i].problem);
        assert_false(map_text_next_entry(&in, &options, &entry));
        map_text_entry_done(&entry);
        map_text_done(&in);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(entries_are_read)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
