#include "unit/cm.h"

#include "postlogd/postlogd_lines.h"

static void datagrams_become_lines(void **unused)
{
    (void)unused;
    static const struct {
        const char *name, *in, *out;
    } rows[] = {
        {"one line", "a b", "a b\n"},
        {"its end", "a b\n", "a b\n"},
        {"many", "a\nb\nc", "a\nb\nc\n"},
        {"empty lines go", "\n\na\n\n", "a\n"},
        {"nothing", "", ""},
        {"control bytes", "a\rb\tc\x1b[1m", "a?b?c?[1m\n"},
        {"UTF-8 stays", "caf\xc3\xa9", "caf\xc3\xa9\n"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY;
        print_message("  row: %s\n", rows[i].name);
        postlogd_lines_add(&out, slice_of(rows[i].in));
        assert_string_equal(out.s, rows[i].out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(datagrams_become_lines)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
