#include "config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const char *lookup(void *ctx, struct slice name)
{
    static const struct {
        const char *name, *value;
    } values[] = {
        {"one", "1"},           {"empty", ""},
        {"via", "<$one>"},      {"via_empty", "$empty"},
        {"level", "3.6"},       {"loop_a", "$loop_b"},
        {"loop_b", "$loop_a"},  {"grow", "$grow$grow"},
        {"d1", "$empty$empty"}, {"d2", "$d1$d1"},
        {"self", "${self?x}"},
    };
    (void)ctx;
    for (size_t i = 0; i < COUNT_OF(values); i++)
        if (slice_eq(name, values[i].name))
            return values[i].value;
    return NULL;
}

static void values_expand(void **unused)
{
    (void)unused;
    static const struct {
        const char *text, *result;
    } rows[] = {
        {"plain", "plain"},
        {"$one.$(one).${one}", "1.1.1"},
        {"$via", "<1>"},
        {"$$one$$", "$one$"},
        {"[$none]", "[]"},
        {"$one_x-", "-"},
        {"${ one }", "1"},
        {"${one?yes}${one:no}", "yes"},
        {"${none?yes}${none:no}", "no"},
        {"${empty?yes}${empty:no}", "no"},
        {"${via_empty?yes}", "yes"},
        {"${one?y:n}", "y:n"},
        {"${one?{y}:{n}}${none?{y}:{n}}", "yn"},
        {"${none? {y} : {n} }|", "n|"},
        {"$(one?{y}:n)", "y"},
        {"|${one?{ y }}|", "| y |"},
        {"${one?${via}}", "<1>"},
        {"${{a}=={a}}", "true"},
        {"${{a} != {a}}", ""},
        {"${{$one} == {1}?{eq}:{ne}}", "eq"},
        {"${{10} > {9}?num}${{010} == {10}?same}", "numsame"},
        {"${{a10} > {a9}?{gt}:{le}}", "le"},
        {"${{-1} < {-2}?{lt}:{ge}}", "lt"},
        {"${{99999999999999999999} > {1}?{gt}:{le}}", "gt"},
        {"${{a} == {b}:{n}}", "n"},
        {"${{$level} <level {3.10} ? {old} : {new}}", "old"},
        {"${{3.5} ==level {3.5.0}?{eq}:{ne}}", "eq"},
        {"${{3.5}<level{3.5}?{lt}:{ge}}", "ge"},
        {"${domain_to_ascii{a.$one}}", "a.1"},
        {"[${ }${:x}${?y}$(:z)]", "[xz]"}, /* a name of no letters is nobody's */
        {"${{a}\t>=\t{a}\t?\t{y}\t:\t{n}\t}", "y"},
        {"${one?(a)}${one?{{a}}}$(one?$(one?$(one)))", "(a){a}1"},
        {"${one?$$}${one}}$one\xc3\xa9", "$1}1\xc3\xa9"},
        {"${{ +3.6} ==level {3.+6.0}?{eq}:{ne}}", "eq"},
        {"${{8796093022207} >level {3.1023.1023}?{gt}:{le}}", "gt"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY;
        struct err err = ERR_INIT;
        print_message("  row: %s\n", rows[i].text);
        assert_true(config_expand_with(lookup, NULL, slice_of(rows[i].text), &out, &err));
        assert_string_equal(out.s, rows[i].result);
    }
}

static void mistakes_are_named(void **unused)
{
    (void)unused;
    static const struct {
        const char *text, *reason;
    } rows[] = {
        {"a$", "empty macro name: \"a$\""},
        {"$-", "empty macro name: \"$-\""},
        {"${}", "empty macro name: \"${}\""},
        {"x${one", "truncated macro reference: \"x${one\""},
        {"$(one}", "truncated macro reference: \"$(one}\""},
        {"${a-b}", "attribute name syntax error at: \"...a>>>-b\""},
        {"${${one}}", "attribute name syntax error at: \"...>>>${one}\""},
        {"${one?{y}z}", "\":\" expected at: \"...y}>>>z\""},
        {"${one?{y}:{n}x}", "unexpected input at: \"...n}>>>x\""},
        {"${{a} {a}?x}", "\"==\" or \"!=\"\" or \"<\"\" or \"<=\"\" or \">=\"\" or \">\" expected "
                         "at: \"...a}>>>{a}?x\""},
        {"${{a} == a?x}", "\"{expression}\" expected at: \"...{a} ==>>> a?x\""},
        {"${{1} <levels {1}?x}", "bad operator suffix at: \"...<>>>levels\""},
        {"${{a} === {a}?x}", "expected at: \"...a}>>>=== {a}?x\""},
        {"${{a} <> {a}?x}", "expected at: \"...a}>>><> {a}?x\""},
        {"${{a} == {a}level?x}", "\"?\" or \":\" expected at: \"...}>>>level?x\""},
        {"${none:{x}:{y}}", "unexpected input at: \"...x}>>>:{y}\""},
        {"$(one?{)})", "unbalanced {} in attribute expression: \"{\""},
        {"${{x} <level {1}?x}", "malformed compatibility level syntax: \"x\""},
        {"${{1.2.3.4} <level {1}?x}", "malformed compatibility level syntax: \"1.2.3.4\""},
        {"${{1.1024} <level {1}?x}", "malformed compatibility level syntax: \"1.1024\""},
        {"${{8796093022208} <level {1}?x}", "malformed compatibility level syntax"},
        {"${{3.-1} <level {1}?x}", "malformed compatibility level syntax: \"3.-1\""},
        {"${{} <level {1}?x}", "malformed compatibility level syntax: \"\""},
        {"$loop_a", "unreasonable macro call nesting: \"loop_a\" ($loop_a -> $loop_b -> $loop_a)"},
        {"$grow", "unreasonable macro call nesting: \"grow\" ($grow -> $grow)"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY;
        struct err err = ERR_INIT;
        print_message("  row: %s\n", rows[i].text);
        assert_false(config_expand_with(lookup, NULL, slice_of(rows[i].text), &out, &err));
        assert_int_equal(err.kind, ERR_CONFIG);
        assert_non_null(strstr(err.reason, rows[i].reason));
    }
}

/* v0 = "", vN = $v(N-1)$v(N-1): nothing comes out, after 2^N look-ups if nobody counts */
static const char *doubling(void *ctx, struct slice name)
{
    static char text[40][16];
    (void)ctx;
    int n = 0;
    for (size_t i = 1; i < name.len; i++)
        n = n * 10 + name.s[i] - '0';
    if (n <= 0 || n >= 40)
        return "";
    (void)snprintf(text[n], sizeof text[n], "$v%d$v%d", n - 1, n - 1);
    return text[n];
}

/* v1 = $v2, v2 = $v3, ... : no loop, but too long */
static const char *chain(void *ctx, struct slice name)
{
    static char texts[128][16];
    int n = 0, end = *(int *)ctx;
    for (size_t i = 1; i < name.len; i++)
        n = n * 10 + name.s[i] - '0';
    char *text = texts[n % 128];
    (void)snprintf(text, sizeof texts[0], n < end ? "$v%d" : "end", n + 1);
    return text;
}

static void long_chains_end(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT;
    CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY;
    int end = 100;
    assert_true(config_expand_with(chain, &end, slice_of("$v1"), &out, &err));
    assert_string_equal(out.s, "end");
    end = 101;
    assert_false(config_expand_with(chain, &end, slice_of("$v1"), &out, &err));
    assert_string_equal(err.reason, "unreasonable macro call nesting: \"v101\" "
                                    "(... -> $v96 -> $v97 -> $v98 -> $v99 -> $v100 -> $v101)");
}

static const char *large(void *ctx, struct slice name)
{
    return slice_eq(name, "big") ? ctx : NULL;
}

static void work_and_size_are_bounded(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT;
    CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY, big = STRBUF_ANY, nested = STRBUF_ANY;
    assert_false(config_expand_with(doubling, NULL, slice_of("$v39"), &out, &err));
    assert_string_equal(err.reason, "too many expansions in one value");

    strbuf_add_fill(&big, 'x', CONFIG_VALUE_MAX / 2 + 1);
    assert_true(config_expand_with(large, big.s, slice_of("$big"), &out, &err));
    assert_false(config_expand_with(large, big.s, slice_of("$big$big"), &out, &err));

    strbuf_reset(&out);
    for (int i = 0; i < 5000; i++)
        strbuf_add_str(&nested, "${a:");
    strbuf_add_fill(&nested, '}', 5000);
    assert_false(config_expand_with(large, NULL, strbuf_slice(&nested), &out, &err));
    assert_non_null(strstr(err.reason, "unreasonable macro call nesting"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_expand),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(long_chains_end),
        cmocka_unit_test(work_and_size_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
