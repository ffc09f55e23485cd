#include "unit/cm.h"

#include "milter/milter_wire.h"

static void packets_are_framed(void **unused)
{
    (void)unused;
    CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY;
    struct slice data;
    int letter;
    size_t size;
    milter_packet(&out, MILTER_HELO, (struct slice){"a\0", 2});
    milter_packet(&out, MILTER_QUIT, SLICE_EMPTY);
    assert_memory_equal(out.s, "\0\0\0\3Ha\0\0\0\0\1Q", 12);
    assert_int_equal(milter_packet_next(strbuf_slice(&out), &letter, &data, &size),
                     MILTER_PACKET_READY);
    assert_int_equal(letter, 'H');
    assert_int_equal(data.len, 2);
    assert_int_equal(size, 7);
}

static void lengths_are_bounded(void **unused)
{
    (void)unused;
    static const struct {
        const char *name, *bytes;
        size_t len;
        enum milter_packet_status status;
    } rows[] = {
        {"nothing", "", 0, MILTER_PACKET_MORE},
        {"half a length", "\0\0", 2, MILTER_PACKET_MORE},
        {"no letter", "\0\0\0\0c", 5, MILTER_PACKET_BAD},
        {"too long", "\0\x20\0\0c", 5, MILTER_PACKET_BAD},
        {"all bits", "\xff\xff\xff\xff", 4, MILTER_PACKET_BAD},
        {"more to come", "\0\0\0\5ca", 6, MILTER_PACKET_MORE},
        {"whole", "\0\0\0\1c", 5, MILTER_PACKET_READY},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct slice data;
        int letter;
        size_t size;
        print_message("  row: %s\n", rows[i].name);
        assert_int_equal(
            milter_packet_next((struct slice){rows[i].bytes, rows[i].len}, &letter, &data, &size),
            rows[i].status);
    }
}

static void replies_become_ours(void **unused)
{
    (void)unused;
    static const struct {
        const char *name, *wire, *text; /* NULL: malformed */
    } rows[] = {
        {"plain", "550 5.7.1 no", "550 5.7.1 no"},
        {"without an enhanced code", "451 later", "451 later"},
        {"two lines", "550-5.7.1 one\r\n550 5.7.1 two", "550 5.7.1 one\n5.7.1 two"},
        {"percent", "550 100%", NULL},
        {"doubled percent", "550 5.7.1 100%% sure", "550 5.7.1 100% sure"},
        {"no refusal", "250 ok", NULL},
        {"other class", "550 4.7.1 x", NULL},
        {"other code in the second line", "550-a\r\n551 b", NULL},
        {"letters", "5x0 a", NULL},
        {"no text", "550", NULL},
        {"nothing", "", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
        struct slice data = {rows[i].wire, strlen(rows[i].wire) + 1};
        print_message("  row: %s\n", rows[i].name);
        assert_int_equal(milter_parse_reply(data, &text), rows[i].text != NULL);
        if (rows[i].text)
            assert_string_equal(text.s, rows[i].text);
    }
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    assert_false(milter_parse_reply(slice_of("550 without an end"), &text));
}

static void edits_are_taken_apart(void **unused)
{
    (void)unused;
    static const struct {
        const char *name;
        int kind;
        const char *data;
        size_t len;
        bool good;
        uint32_t index;
        const char *first, *second;
    } rows[] = {
        {"add header", 'h', "A\0b\0", 4, true, 0, "A", "b"},
        {"insert header", 'i', "\0\0\0\7A\0b\0", 8, true, 7, "A", "b"},
        {"delete header", 'm', "\0\0\0\1A\0\0", 7, true, 1, "A", ""},
        {"no index", 'i', "A\0", 2, false, 0, "", ""},
        {"no end", 'h', "A\0b", 3, false, 0, "", ""},
        {"something behind it", 'h', "A\0b\0c", 5, false, 0, "", ""},
        {"recipient", '+', "<a@b>\0", 6, true, 0, "<a@b>", ""},
        {"recipient with arguments", '2', "<a@b>\0N=1\0", 10, true, 0, "<a@b>", "N=1"},
        {"sender", 'e', "<a@b>\0", 6, true, 0, "<a@b>", ""},
        {"sender with arguments", 'e', "<a@b>\0N=1\0", 10, true, 0, "<a@b>", "N=1"},
        {"body", 'b', "x\0y", 3, true, 0, "", "x"},
        {"no edit", 'c', "", 0, false, 0, "", ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct milter_edit edit;
        struct slice data = {rows[i].data, rows[i].len};
        print_message("  row: %s\n", rows[i].name);
        assert_int_equal(milter_parse_edit(rows[i].kind, data, &edit), rows[i].good);
        if (!rows[i].good)
            continue;
        assert_int_equal(edit.index, rows[i].index);
        assert_true(slice_eq(edit.name, rows[i].first));
        assert_true(slice_starts(edit.value, rows[i].second));
    }
}

static void terms_have_lists(void **unused)
{
    (void)unused;
    struct milter_terms terms;
    struct err err = ERR_INIT;
    static const char good[] = "\0\0\0\6\0\0\0\1\0\0\0\2\0\0\0\4i j\0\0\0\0\x9x";
    assert_true(milter_parse_terms((struct slice){good, sizeof good}, &terms, &err));
    assert_int_equal(terms.version, 6);
    assert_int_equal(terms.protocol, 2);
    assert_true(slice_eq(terms.macros[4], "i j"));
    assert_null(terms.macros[0].s);
    assert_false(milter_parse_terms((struct slice){good, 11}, &terms, &err));
    assert_false(milter_parse_terms((struct slice){good, 18}, &terms, &err));
    assert_int_equal(terms.strange_stage, 9);
    static const char strange[] = "\0\0\0\6\0\0\0\0\0\0\0\0\0\0\0\6i";
    assert_true(milter_parse_terms((struct slice){strange, sizeof strange}, &terms, &err));
    assert_int_equal(terms.strange_stage, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_are_framed),  cmocka_unit_test(lengths_are_bounded),
        cmocka_unit_test(replies_become_ours), cmocka_unit_test(edits_are_taken_apart),
        cmocka_unit_test(terms_have_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
