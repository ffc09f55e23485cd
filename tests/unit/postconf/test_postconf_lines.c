#include "tools/postconf/postconf_lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

struct wish {
    const char *prefix;
    enum line_action action;
};

static enum line_action decide(void *ctx, struct slice logical, int number,
                               struct strbuf *replacement)
{
    const struct wish *wish = ctx;
    assert_true(number > 0);
    if (!slice_starts(logical, wish->prefix))
        return LINE_KEEP;
    strbuf_add_str(replacement, "new = 1");
    return wish->action;
}

static void the_rest_stays(void **unused)
{
    (void)unused;
    static const char text[] = "# top\na = 1\nb = 2,\n  3\n # in\n\n  4\n#b = 5\nc = 6";
    static const struct {
        const char *name;
        struct wish wish;
        const char *result;
    } rows[] = {
        {"nothing", {"x", LINE_DELETE}, "# top\na = 1\nb = 2,\n  3\n # in\n\n  4\n#b = 5\nc = 6"},
        {"replace", {"b", LINE_REPLACE}, "# top\na = 1\nnew = 1\n # in\n\n#b = 5\nc = 6"},
        {"move", {"b", LINE_MOVE}, "# top\na = 1\n # in\n\n#b = 5\nnew = 1\nc = 6"},
        {"move the last",
         {"c", LINE_MOVE},
         "# top\na = 1\nb = 2,\n  3\n # in\n\n  4\n#b = 5\nnew = 1\n"},
        {"delete", {"b", LINE_DELETE}, "# top\na = 1\n # in\n\n#b = 5\nc = 6"},
        {"comment",
         {"b", LINE_COMMENT},
         "# top\na = 1\n#b = 2,\n#  3\n # in\n\n#  4\n#b = 5\nc = 6"},
        {"last, without line end",
         {"c", LINE_REPLACE},
         "# top\na = 1\nb = 2,\n  3\n # in\n\n  4\n#b = 5\nnew = 1\n"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY;
        struct wish wish = rows[i].wish;
        print_message("  row: %s\n", rows[i].name);
        postconf_lines_edit(slice_of(text), decide, &wish, &out);
        assert_string_equal(out.s, rows[i].result);
    }
}

static void a_line_is_added_on_a_line_of_its_own(void **unused)
{
    (void)unused;
    static const struct {
        const char *text, *result;
    } rows[] = {{"", "new\n"}, {"a\n", "a\nnew\n"}, {"a", "a\nnew\n"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
        strbuf_add_str(&text, rows[i].text);
        postconf_lines_append(&text, "new");
        assert_string_equal(text.s, rows[i].result);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rest_stays),
        cmocka_unit_test(a_line_is_added_on_a_line_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
