#include "unit/cm.h"

#include "tools/smtp-sink/sink_data.h"

static const struct {
    const char *name, *input, *text, *rest; /* rest: NULL when the end is not there */
} rows[] = {
    {"plain", "a\r\nb\r\n.\r\nQUIT", "a\nb\n", "QUIT"},
    {"nothing", ".\r\n", "", ""},
    {"stuffed dots", "..\r\n...a\r\n.b\r\n.\r\n", ".\n..a\nb\n", ""},
    {"dot inside a line", "a.\r\nb\r\n.\r\n", "a.\nb\n", ""},
    {"line feeds only", "a\nb\n.\nrest", "a\nb\n", "rest"},
    {"lone CR is text", "a\rb\r\r\n.\r\n", "a\rb\r\n", ""},
    {"dot CR text", ".\rx\r\n.\r\n", "\rx\n", ""},
    {"no end", "a\r\n.", "a\n", NULL},
    {"no end after CR", "a\r\n.\r", "a\n", NULL},
    {"empty lines", "\r\n\r\n.\r\n", "\n\n", ""},
};

static void finds_the_end(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct sink_data data = {SINK_LINE_START};
        struct strbuf text = STRBUF_INIT(1000);
        struct slice in = slice_of(rows[i].input);
        ROW(rows[i].name);
        assert_int_equal(sink_data_feed(&data, &in, &text), rows[i].rest != NULL);
        assert_strbuf(text, rows[i].text);
        assert_slice(in, rows[i].rest ? rows[i].rest : "");
        strbuf_done(&text);
    }
}

static void does_not_care_how_it_is_cut(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct sink_data data = {SINK_LINE_START};
        struct strbuf text = STRBUF_INIT(1000);
        size_t used = 0;
        bool end = false;
        ROW(rows[i].name);
        while (!end && rows[i].input[used] != '\0') {
            struct slice byte = {rows[i].input + used++, 1};
            end = sink_data_feed(&data, &byte, &text);
        }
        assert_int_equal(end, rows[i].rest != NULL);
        assert_strbuf(text, rows[i].text);
        assert_string_equal(rows[i].input + used, rows[i].rest ? rows[i].rest : "");
        strbuf_done(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_end),
        cmocka_unit_test(does_not_care_how_it_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
