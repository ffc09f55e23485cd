#include "unit/cm.h"

#include "map/map_query.h"

static void double_quotes(void *ctx, struct slice text, struct strbuf *out)
{
    (void)ctx;
    for (size_t i = 0; i < text.len; i++) {
        if (text.s[i] == '\'')
            strbuf_add_char(out, '\'');
        strbuf_add_char(out, text.s[i]);
    }
}

static void templates_are_checked(void **unused)
{
    (void)unused;
    static const struct {
        const char *template;
        bool is_valid;
    } rows[] = {{"", true},     {"plain", true},     {"%s %u %d %S %U %D %1 %9 %%", true},
                {"%x", false},  {"100%", false},     {"%0", false},
                {"%%%", false}, {"a%sb%%sc%", false}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        print_message("  row: %s\n", rows[i].template);
        assert_int_equal(map_query_template_is_valid(rows[i].template), rows[i].is_valid);
    }
}

static void keys_fill_templates(void **unused)
{
    (void)unused;
    /* made of what Debian's sqlite plugin sent */
    static const struct {
        const char *template, *value, *key, *expect;
    } rows[] = {
        {"%u|%d|%1|%2|%S|%%", "u@d.x.y", "u@d.x.y", "u|d.x.y|y|x|u@d.x.y|%"},
        {"k='%s'", "o'x@d.e", "o'x@d.e", "k='o''x@d.e'"},
        {"%u", "plain", "plain", "plain"},
        {"%d", "plain", "plain", NULL},
        {"%1", "plain", "plain", NULL},
        {"%2", "u@one", "u@one", NULL},
        {"%3", "u@a.b.c", "u@a.b.c", "a"},
        {"%u", "@d.e", "@d.e", NULL},
        {"%s", "@d.e", "@d.e", "@d.e"},
        {"x%s%d", "user", "k@d", NULL},
        {"%s %S %u %U %D %1", "v@w", "k@d.e", "v@w k@d.e v k d.e e"},
        {"%U", "v", "\"a@b\"@d", "\"a@b\""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY;
        strbuf_add_str(&out, "before:");
        print_message("  row: %s with %s\n", rows[i].template, rows[i].key);
        bool ok = map_query_expand(rows[i].template, rows[i].value, rows[i].key, double_quotes,
                                   NULL, &out);
        assert_int_equal(ok, rows[i].expect != NULL);
        assert_string_equal(out.s + strlen("before:"), rows[i].expect ? rows[i].expect : "");
    }
}

static void domains_choose_keys(void **unused)
{
    (void)unused;
    static const struct {
        const char *domain, *key;
        enum map_status status;
    } rows[] = {
        {"", "anything", MAP_FOUND},
        {"a.example", "u@a.example", MAP_FOUND},
        {"a.example", "u@A.Example", MAP_FOUND},
        {"a.example", "u@b.example", MAP_NOT_FOUND},
        {"a.example", "u@sub.a.example", MAP_NOT_FOUND},
        {"a.example", "u", MAP_NOT_FOUND},
        {"a.example", "a.example", MAP_NOT_FOUND},
        {"a.example", "@a.example", MAP_NOT_FOUND},
        {"!a.example, static:x", "u@a.example", MAP_NOT_FOUND},
        {"!a.example, static:x", "u@b.example", MAP_FOUND},
        {"fail:x", "u@b.example", MAP_FAILED},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct err err = ERR_INIT;
        CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY;
        struct map_query_options options = {"t", "<%s>", "%s", rows[i].domain, 0};
        struct map_query *query = map_query_new(&options, &err);
        print_message("  row: %s in %s\n", rows[i].key, rows[i].domain);
        assert_non_null(query);
        assert_int_equal(map_query_make(query, rows[i].key, NULL, NULL, &out, &err),
                         rows[i].status);
        if (rows[i].status == MAP_FAILED)
            assert_int_not_equal(err.kind, ERR_NONE);
        map_query_free(query);
    }
}

static void results_are_joined(void **unused)
{
    (void)unused;
    static const struct {
        const char *format;
        int64_t limit;
        const char *values[4];
        const char *expect; /* NULL: over the limit */
    } rows[] = {
        {"%s", 0, {"a", "b", "c"}, "a,b,c"},
        {"%s", 3, {"a", "b", "c"}, "a,b,c"},
        {"%s", 2, {"a", "b", "c"}, NULL},
        {"[%s]", 0, {"a", "", "c"}, "[a],[c]"},
        {"smtp:[%d]", 1, {"bare", "u@d"}, "smtp:[d]"},
        {"%u", 0, {"@d"}, ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct err err = ERR_INIT;
        CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY;
        struct map_query_options options = {"t", NULL, rows[i].format, "", rows[i].limit};
        struct map_query *query = map_query_new(&options, &err);
        size_t count = 0;
        enum map_status status = MAP_FOUND;
        for (size_t v = 0; v < COUNT_OF(rows[i].values) && rows[i].values[v]; v++)
            if (status == MAP_FOUND)
                status = map_query_add_result(query, "k", rows[i].values[v], &count, &out, &err);
        print_message("  row: %zu\n", i);
        assert_int_equal(status, rows[i].expect ? MAP_FOUND : MAP_FAILED);
        if (rows[i].expect)
            assert_string_equal(out.s, rows[i].expect);
        else
            assert_string_equal(err.reason, "t: Expansion limit exceeded for key 'k'");
        map_query_free(query);
    }
}

static void bad_templates_are_refused(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT;
    struct map_query_options query = {"/x.cf", "%x", "%s", "", 0};
    struct map_query_options result = {"/x.cf", "%s", "%q", "", 0};
    assert_null(map_query_new(&query, &err));
    assert_string_equal(err.reason, "/x.cf: Invalid query template: %x");
    assert_null(map_query_new(&result, &err));
    assert_string_equal(err.reason, "/x.cf: Invalid result template: %q");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(templates_are_checked),     cmocka_unit_test(keys_fill_templates),
        cmocka_unit_test(domains_choose_keys),       cmocka_unit_test(results_are_joined),
        cmocka_unit_test(bad_templates_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
