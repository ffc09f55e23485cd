/* Content lines: dots, line ends, the end of data, long lines. */
#include "base/strbuf.h"
#include "esmtp/esmtp_data.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* "[line]" for a line, "[part+" for a piece, "END" and what is left. */
static void decode(const char *input, size_t step, bool strict, size_t line_max, bool plain_first,
                   struct strbuf *out)
{
    struct esmtp_data d;
    struct slice all = slice_of(input), piece;
    size_t seen = 0;
    esmtp_data_init(&d, strict, line_max);
    strbuf_reset(out);
    struct slice in = {all.s, 0};
    while (true) {
        char line[ESMTP_DATA_ROOM];
        for (size_t len; plain_first && (len = esmtp_data_plain(&d, &in, line)) > 0;)
            strbuf_addf(out, "[%.*s]", (int)len, line);
        while (plain_first && (piece = esmtp_data_plain_long(&d, &in)).len > 0)
            strbuf_addf(out, "[%.*s]", SLICE_ARG(piece));
        enum esmtp_data_status status = esmtp_data_next(&d, &in, &piece);
        if (status == ESMTP_DATA_END) {
            strbuf_addf(out, "END%.*s", SLICE_ARG(in));
            return;
        }
        if (status == ESMTP_DATA_MORE) {
            if (seen == all.len)
                return;
            size_t more = MIN(step, all.len - seen);
            seen += more;
            in = (struct slice){in.s, in.len + more};
            continue;
        }
        strbuf_addf(out, "[%.*s%s", SLICE_ARG(piece), status == ESMTP_DATA_LINE ? "]" : "+");
    }
}

#define LINE_OF_125                                                                                \
    "12345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012" \
    "34567890"                                                                                     \
    "1234567890123456789012345"

static const struct {
    const char *name, *input;
    bool strict;
    size_t line_max;
    const char *expect;
} rows[] = {
    {"lines", "a\r\nb\r\n.\r\n", false, 100, "[a][b]END"},
    {"dot lines", "..\r\n.a\r\n...\r\n.\r\n", false, 100, "[.][a][..]END"},
    {"empty message", ".\r\n", true, 100, "END"},
    {"bare LF lines", "a\nb\n.\n", false, 100, "[a][b]END"},
    {"strict: LF dot LF is no end", "a\n.\nb\r\n.\r\n", true, 100, "[a][][b]END"},
    {"strict: CR LF dot LF is no end", "a\r\n.\nb\r\n.\r\n", true, 100, "[a][][b]END"},
    {"strict: LF dot CR LF is no end", "a\n.\r\nb\r\n.\r\n", true, 100, "[a][][b]END"},
    {"bare CR stays", "a\rb\r\n.\r\n", true, 100, "[a\rb]END"},
    {"several CR before LF go", "a\r\r\n.\r\n", true, 100, "[a]END"},
    {"strict: dot CR CR LF is no end", "a\r\r\n.\r\r\nb\r\n.\r\n", true, 100, "[a][][b]END"},
    {"dot CR CR LF is one where all is taken", "a\r\n.\r\r\n", false, 100, "[a]END"},
    {"long line in pieces", "abcdefgh\r\n.\r\n", true, 4, "[abcd+[efgh]END"},
    {"dot at a piece is no dot line", "abcd.\r\n.\r\n", true, 4, "[abcd.]END"},
    {"long lines", LINE_OF_125 "\r\n" LINE_OF_125 "6\r\n" LINE_OF_125 "67\r\n.\r\n", true, 999,
     NULL},
    {"long lines of other kinds",
     LINE_OF_125 "67\r\r\n" LINE_OF_125 "67\n." LINE_OF_125 "67\r\n" LINE_OF_125
                 "67\rx\r\n" LINE_OF_125 "678\r\n.\r\n",
     true, 999, NULL},
    {"long lines in pieces", LINE_OF_125 "6789\r\n" LINE_OF_125 "678\r\n.\r\n", true, 128, NULL},
    {"as long as one may be", LINE_OF_125 "\r\n" LINE_OF_125 "6\r\n.\r\n", true, 125, NULL},
    {"kinds of lines",
     "one line of some length\r\n\r\n.a line with a dot in front\r\n"
     "a line with two\r\r\nand one with a lone LF\nand the last one of them\r\n.\r\n",
     true, 100,
     "[one line of some length][][a line with a dot in front][a line with two]"
     "[and one with a lone LF][and the last one of them]END"},
    {"dots at the start of a long line", "..bcdefghi\r\n.\r\n", true, 4, NULL},
};

static void pieces_do_not_depend_on_packets(void **unused)
{
    (void)unused;
    CLEANUP(strbuf_done) struct strbuf whole = STRBUF_ANY, split = STRBUF_ANY;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        print_message("  row: %s\n", rows[i].name);
        decode(rows[i].input, 1000, rows[i].strict, rows[i].line_max, false, &whole);
        decode(rows[i].input, 1, rows[i].strict, rows[i].line_max, false, &split);
        if (rows[i].expect && rows[i].line_max == 100)
            assert_string_equal(whole.s, rows[i].expect);
        assert_string_equal(whole.s, split.s);
        for (size_t step = 1; step <= 1000; step += 999) { /* plain lines are lines */
            decode(rows[i].input, step, rows[i].strict, rows[i].line_max, true, &split);
            assert_string_equal(whole.s, split.s);
        }
        assert_true(slice_ends_nocase(strbuf_slice(&whole), "END"));
    }
}

static void what_follows_the_end_is_left(void **unused)
{
    (void)unused;
    CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY;
    decode("a\r\n.\r\nQUIT", 1000, true, 100, false, &out);
    assert_string_equal(out.s, "[a]ENDQUIT");
}

static void short_lines_are_plain(void **unused)
{
    (void)unused;
    struct esmtp_data d;
    char line[ESMTP_DATA_ROOM];
    esmtp_data_init(&d, true, 2048);
    struct slice in = slice_of(LINE_OF_125 "6\r\n" LINE_OF_125 "67\r\nand so on and on");
    assert_int_equal(esmtp_data_plain(&d, &in, line), ESMTP_DATA_SHORT);
    assert_memory_equal(line, LINE_OF_125 "6", ESMTP_DATA_SHORT);
    assert_true(slice_starts(in, LINE_OF_125 "67\r\n"));
    assert_int_equal(esmtp_data_plain(&d, &in, line), 0);
    assert_true(slice_starts(in, LINE_OF_125 "67\r\n"));
}

static void longer_lines_are_plain_by_themselves(void **unused)
{
    (void)unused;
    struct esmtp_data d;
    esmtp_data_init(&d, true, 127);
    struct slice in = slice_of(LINE_OF_125 "67\r\n" LINE_OF_125 "678\r\n\nz\r\n");
    assert_true(slice_same(esmtp_data_plain_long(&d, &in), slice_of(LINE_OF_125 "67")));
    for (size_t i = 0; i < 4; i++) { /* too long, then short ones */
        struct slice before = in;
        assert_int_equal(esmtp_data_plain_long(&d, &in).len, 0);
        assert_true(slice_same(in, before));
        in = slice_from(in, slice_find(in, '\n') == SIZE_MAX ? in.len : slice_find(in, '\n') + 1);
    }
    assert_int_equal(in.len, 0);
    in = (struct slice){NULL, 0};
    assert_int_equal(esmtp_data_plain_long(&d, &in).len, 0);
    in = slice_of(LINE_OF_125 "6\r\n"); /* what esmtp_data_plain() takes */
    assert_int_equal(esmtp_data_plain_long(&d, &in).len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_do_not_depend_on_packets),
        cmocka_unit_test(what_follows_the_end_is_left),
        cmocka_unit_test(short_lines_are_plain),
        cmocka_unit_test(longer_lines_are_plain_by_themselves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
