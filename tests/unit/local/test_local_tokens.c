#include "unit/cm.h"

#include "local/local_tokens.h"

#include <string.h>

static void items_are_told_apart(void **unused)
{
    (void)unused;
    /* items as KIND:text, separated by newlines */
    static const struct {
        const char *name, *in, *out;
    } rows[] = {
        {"commas and blanks", "a, b c,d@e.f", "A:a\nA:b\nA:c\nA:d@e.f\n"},
        {"nothing", " , ,, ", ""},
        {"backslash", "\\joe, x", "M:joe\nA:x\n"},
        {"quoted command", "\"|cat -n, x\" y", "C:cat -n, x\nA:y\n"},
        {"bare command", "|/bin/x, y", "C:/bin/x\nA:y\n"},
        {"quotes within a command", "|\"cat -n\"", "C:cat -n\n"},
        {"escaped quote", "\"|echo \\\"a\\\"\"", "C:echo \"a\"\n"},
        {"file", "/dev/null", "F:/dev/null\n"},
        {"quoted file", "\"/a b/c\"", "F:/a b/c\n"},
        {"include", ":include:/x/y", "I:/x/y\n"},
        {"quoted include", "\":include:/x y\"", "I:/x y\n"},
        {"no include", ":fail:x", "A::fail:x\n"},
        {"quoted name", "\"joe\"", "A:joe\n"},
        {"quoted local part", "\"a b\"@c.d", "A:a b@c.d\n"},
        {"full name", "Joe X <joe@c.d>, z", "A:joe@c.d\nA:z\n"},
        {"null address", "<>, a", "A:a\n"},
        {"comment", "a (b, c) d", "A:a\nA:d\n"},
        {"unfinished quote", "\"a", "A:a\n"},
        {"unfinished angle", "<a", "A:a\n"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
        CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY;
        struct slice in = slice_of(rows[i].in);
        enum local_token kind;
        print_message("  row: %s\n", rows[i].name);
        while (local_tokens_next(&in, &kind, &text))
            strbuf_addf(&out, "%c:%s\n", "AMCFI"[kind], text.s);
        assert_string_equal(out.s, rows[i].out);
    }
}

static void comment_lines_are_skipped(void **unused)
{
    (void)unused;
    struct slice in = slice_of("# no\n\n  \n a, b \r\n  # no\nc"), line;
    assert_true(local_tokens_next_line(&in, &line));
    assert_true(slice_eq(line, "a, b"));
    assert_true(local_tokens_next_line(&in, &line));
    assert_true(slice_eq(line, "c"));
    assert_false(local_tokens_next_line(&in, &line));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_are_told_apart),
        cmocka_unit_test(comment_lines_are_skipped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
