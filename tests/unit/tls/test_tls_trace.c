#include "unit/cm.h"

#include "tls/tls_trace.h"

#include <string.h>

static void dumps(void **state)
{
    (void)state;
    static const struct {
        const char *name, *in;
        size_t len;
        const char *want;
    } rows[] = {
        {"nothing", "", 0, ""},
        {"short, NUL at the end", "\x16\x03\x01\x02\0", 5,
         "0000 16 03 01 02                                      ....\n0004 - <SPACES/NULLS>\n"},
        {"two lines", "0123456789abcdefXY~\x7f", 20,
         "0000 30 31 32 33 34 35 36 37|38 39 61 62 63 64 65 66  01234567 89abcdef\n"
         "0010 58 59 7e 7f                                      XY~.\n"},
        {"ten bytes", "s\312S\354;l\0\025\0\366", 10,
         "0000 73 ca 53 ec 3b 6c 00 15|00 f6                    s.S.;l.. ..\n"},
        {"blanks", "   ", 3, "0000 - <SPACES/NULLS>\n"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY;
        print_message("  row: %s\n", rows[i].name);
        tls_trace_dump((struct slice){rows[i].in, rows[i].len}, &out);
        assert_string_equal(out.s, rows[i].want);
    }
}

static void levels(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int level;
        bool is_known;
    } rows[] = {{"0", 0, true},
                {"", 0, true},
                {"4", 4, true},
                {"routine", 1, true},
                {"Debug", 2, true},
                {"ssl-expert", 3, true},
                {"1, ssl-debug", 2, true},
                {"foo", 0, false},
                {"01", 0, false}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(strbuf_done) struct strbuf problems = STRBUF_ANY;
        print_message("  row: %s\n", rows[i].text);
        assert_int_equal(tls_trace_level("smtpd_tls_loglevel", rows[i].text, &problems),
                         rows[i].level);
        assert_int_equal(problems.len == 0, rows[i].is_known);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(dumps), cmocka_unit_test(levels)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
