/* regexp, pcre and cidr: rules, blocks, flags, results, and what bad lines give. */
#include "map/map.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* Rows for regexp and pcre alike; the rules are inline, so blanks at their ends do not count. */
static const struct {
    const char *name, *rules, *key, *value, *warning; /* warning without "TYPE map NAME, " */
} pattern_rows[] = {
    {"groups", "{{/^a(.)(.)$/ r:$1-${2}-$(1)$$x}}", "aXY", "r:X-Y-X$x", NULL},
    {"case off", "{{/case/i CASE}}", "CASE", NULL, NULL},
    {"case off twice", "{{/case/ii CASE}}", "CASE", "CASE", NULL},
    {"not", "{{!/^[b-z]/ other}}", "a", "other", NULL},
    {"not, not", "{{!!/q1/ yes}}", "q1", "yes", NULL},
    {"not, with blank", "{{! /sp/ t}}", "x", "t", NULL},
    {"absent group", "{{/^b(c)?(d)?/ [$1][$2]}}", "bd", "[][d]", NULL},
    {"if", "{{if /^b/},{/x/ in},{endif},{/x/ out}}", "bx", "in", NULL},
    {"if not taken", "{{if /^b/},{/x/ in},{endif},{/x/ out}}", "ax", "out", NULL},
    {"nested", "{{if /a/},{if !/b/},{/./ in},{endif},{/./ mid},{endif}}", "ab", "mid", NULL},
    {"upper case words", "{{IF /a/},{/./ in},{ENDIF}}", "a", "in", NULL},
    {"escaped delimiter", "{{/a\\/b/ slash}}", "a/b", "slash", NULL},
    {"other delimiter", "{{%a/b% slash}}", "a/b", "slash", NULL},
    {"no word", "{{bad line}}", "bad line", NULL, "line 1: ignoring unrecognized request"},
    {"flag", "{{/a/q x}}", "a", NULL, "line 1: unknown regexp option \"q\": skipping this rule"},
    {"group too high", "{{/(a)/ ${1}${2}}}", "a", NULL,
     "line 1: out of range replacement index \"2\": skipping this rule"},
    {"group not a number", "{{/(a)/ $1a},{/a/ next}}", "a", "next",
     "line 1: non-numeric replacement index \"1a\""},
    {"group in a negative", "{{!/(b)/ $1}}", "a", NULL,
     "line 1: $number found in negative match replacement text: skipping this rule"},
    {"no result", "{{/(b)/}}", "a", NULL, "line 1: no replacement text: using empty string"},
    {"stray endif", "{{endif}}", "a", NULL, "line 1: ignoring ENDIF without matching IF"},
    {"open if", "{{/a/ x},{if /b/}}", "a", "x", "line 2: IF has no matching ENDIF"},
    {"if without pattern", "{{if}}", "a", NULL, "line 1: no regexp: skipping this rule"},
};

static void pattern_tables_apply_their_rules(void **unused)
{
    (void)unused;
    static const char *const types[] = {"regexp", "pcre"};
    for (size_t t = 0; t < COUNT_OF(types); t++) {
        for (size_t i = 0; i < COUNT_OF(pattern_rows); i++) {
            CLEANUP(strbuf_done) struct strbuf name = STRBUF_ANY;
            CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
            CLEANUP(strbuf_done) struct strbuf warning = STRBUF_ANY;
            struct err err = ERR_INIT;
            print_message("  row: %s %s\n", types[t], pattern_rows[i].name);
            strbuf_addf(&name, "%s:%s", types[t], pattern_rows[i].rules);
            struct map *map = map_open_strict(name.s, MAP_READ, &err);
            assert_non_null(map);
            if (pattern_rows[i].warning) {
                strbuf_addf(&warning, "%s map %s, %s\n", types[t], pattern_rows[i].rules,
                            pattern_rows[i].warning);
                assert_int_equal(strncmp(map_warnings(map), warning.s, warning.len), 0);
            } else {
                assert_string_equal(map_warnings(map), "");
            }
            enum map_status status = map_find(map, pattern_rows[i].key, &value, &err);
            assert_int_equal(status, pattern_rows[i].value ? MAP_FOUND : MAP_NOT_FOUND);
            if (pattern_rows[i].value)
                assert_string_equal(value.s, pattern_rows[i].value);
            map_close(map);
        }
    }
}

static void compile_errors_have_their_engine_s_words(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT;
    struct map *map = map_open_strict("regexp:{{/a(b/ x}}", MAP_READ, &err);
    assert_string_equal(map_warnings(map), "regexp map {{/a(b/ x}}, line 1: Unmatched ( or \\(\n");
    map_close(map);
    map = map_open_strict("pcre:{{/(/ x}}", MAP_READ, &err);
    assert_string_equal(map_warnings(map), "pcre map {{/(/ x}}, line 1: error in regex at offset "
                                           "1: missing closing parenthesis\n");
    map_close(map);
}

static void cidr_tables_apply_their_rules(void **unused)
{
    (void)unused;
    static const struct {
        const char *rules, *key, *value, *warning;
    } rows[] = {
        {"{{10.0.0.0/8 ten}}", "10.1.2.3", "ten", NULL},
        {"{{10.0.0.0/8 ten}}", "11.1.2.3", NULL, NULL},
        {"{{0.0.0.0/0 all}}", "::1", NULL, NULL},
        {"{{::/0 all}}", "::1", "all", NULL},
        {"{{[2001:db8::]/32 six}}", "2001:DB8::5", "six", NULL},
        {"{{[1.2.3.0/24] br}}", "1.2.3.4", "br", NULL},
        {"{{[1.2.4.5] br}}", "1.2.4.5", "br", NULL},
        {"{{!172.16.0.0/12 out}}", "8.8.8.8", "out", NULL},
        {"{{!172.16.0.0/12 out}}", "::1", NULL, NULL},
        {"{{if 172.16.0.0/16},{172.16.1.1 in},{endif},{0.0.0.0/0 rest}}", "172.16.1.2", "rest",
         NULL},
        {"{{if !172.16.0.0/16},{172.17.0.1 in},{endif}}", "172.17.0.1", "in", NULL},
        {"{{1.2.3.4 x}}", "mail.example", NULL, NULL},
        {"{{10.0.0.1/8 x}}", "10.0.0.1", NULL,
         "line 1: non-null host address bits in \"10.0.0.1/8\", perhaps you should use "
         "\"10.0.0.0/8\" instead: skipping this rule"},
        {"{{256.1.1.1 x}}", "1.1.1.1", NULL,
         "line 1: bad address pattern: \"256.1.1.1\": skipping this rule"},
        {"{{1.1.1.1/33 x}}", "1.1.1.1", NULL,
         "line 1: bad mask length in \"1.1.1.1/33\": skipping this rule"},
        {"{{1.1.1.1/x x}}", "1.1.1.1", NULL,
         "line 1: bad mask value in \"1.1.1.1/x\": skipping this rule"},
        {"{{1.1.1.1}}", "1.1.1.1", NULL, "line 1: no lookup result: skipping this rule"},
        {"{{endif}}", "1.1.1.1", NULL, "line 1: ENDIF without IF: skipping this rule"},
        {"{{if 1.1.1.1}}", "1.1.1.1", NULL, "line 1: IF has no matching ENDIF"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(strbuf_done) struct strbuf name = STRBUF_ANY;
        CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
        CLEANUP(strbuf_done) struct strbuf warning = STRBUF_ANY;
        struct err err = ERR_INIT;
        print_message("  rules: %s\n", rows[i].rules);
        strbuf_addf(&name, "cidr:%s", rows[i].rules);
        if (rows[i].warning)
            strbuf_addf(&warning, "cidr map %s, %s\n", rows[i].rules, rows[i].warning);
        struct map *map = map_open_strict(name.s, MAP_READ, &err);
        assert_non_null(map);
        assert_string_equal(map_warnings(map), warning.s);
        assert_int_equal(map_find(map, rows[i].key, &value, &err),
                         rows[i].value ? MAP_FOUND : MAP_NOT_FOUND);
        if (rows[i].value)
            assert_string_equal(value.s, rows[i].value);
        map_close(map);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pattern_tables_apply_their_rules),
        cmocka_unit_test(compile_errors_have_their_engine_s_words),
        cmocka_unit_test(cidr_tables_apply_their_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
