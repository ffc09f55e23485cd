/* match_list: names, networks, exclusions, files and tables. */
#include "map/match_list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

static void strings_and_domains_match(void **unused)
{
    (void)unused;
    static const struct {
        const char *list;
        enum match_kind kind;
        unsigned flags;
        const char *string;
        enum map_status status;
    } rows[] = {
        {"a.example b.example", MATCH_STRING, 0, "B.example", MAP_FOUND},
        {"a.example", MATCH_STRING, 0, "x.a.example", MAP_NOT_FOUND},
        {".example", MATCH_STRING, 0, "a.example", MAP_NOT_FOUND},
        {".a.example", MATCH_DOMAIN, 0, "x.A.example", MAP_FOUND},
        {".a.example", MATCH_DOMAIN, 0, "a.example", MAP_NOT_FOUND},
        {"a.example", MATCH_DOMAIN, 0, "x.a.example", MAP_NOT_FOUND},
        {"a.example", MATCH_DOMAIN, MATCH_PARENT, "x.a.example", MAP_FOUND},
        {"a.example", MATCH_DOMAIN, MATCH_PARENT, "xa.example", MAP_NOT_FOUND},
        {"!x.a.example, .a.example", MATCH_DOMAIN, 0, "x.a.example", MAP_NOT_FOUND},
        {"!x.a.example, .a.example", MATCH_DOMAIN, 0, "y.a.example", MAP_FOUND},
        {"inline:{a.example=1}", MATCH_STRING, 0, "A.example", MAP_FOUND},
        {"inline:{.a.example=1}", MATCH_DOMAIN, 0, "y.x.a.example", MAP_FOUND},
        {"inline:{a.example=1}", MATCH_DOMAIN, MATCH_PARENT, "y.x.a.example", MAP_FOUND},
        {"inline:{a.example=1}", MATCH_STRING, 0, "y.a.example", MAP_NOT_FOUND},
        {"fail:x a", MATCH_STRING, 0, "a", MAP_FAILED},
        {"a fail:x", MATCH_STRING, 0, "a", MAP_FOUND},
        {"/no/such/file", MATCH_STRING, 0, "a", MAP_FAILED},
        {"", MATCH_STRING, 0, "a", MAP_NOT_FOUND},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct err err = ERR_INIT;
        print_message("  list: %s, string: %s\n", rows[i].list, rows[i].string);
        struct match_list *list =
            match_list_new("title", rows[i].list, rows[i].kind, rows[i].flags);
        assert_int_equal(match_list_find(list, rows[i].string, &err), rows[i].status);
        match_list_free(list);
    }
}

static void hosts_match(void **unused)
{
    (void)unused;
    static const struct {
        const char *list, *name, *address;
        enum map_status status;
    } rows[] = {
        {"127.0.0.0/8 [::1]/128", NULL, "127.0.0.9", MAP_FOUND},
        {"127.0.0.0/8 [::1]/128", NULL, "::1", MAP_FOUND},
        {"127.0.0.0/8, [::ffff:127.0.0.0]/104", NULL, "::ffff:127.1.2.3", MAP_FOUND},
        {"192.0.2.1", NULL, "192.0.2.1", MAP_FOUND},
        {"192.0.2.1", NULL, "192.0.2.10", MAP_NOT_FOUND},
        {"!192.0.2.1, 192.0.2.0/24", NULL, "192.0.2.1", MAP_NOT_FOUND},
        {"!192.0.2.1, 192.0.2.0/24", NULL, "192.0.2.2", MAP_FOUND},
        {"cidr:{{192.0.2.0/24 x}}", NULL, "192.0.2.2", MAP_FOUND},
        {"inline:{192.0=x}", NULL, "192.0.2.2", MAP_NOT_FOUND},
        {".example.com", "a.example.com", "192.0.2.1", MAP_FOUND},
        {".example.com", "unknown", "192.0.2.1", MAP_NOT_FOUND},
        {"192.0.2.1/24", NULL, "192.0.2.1", MAP_FAILED},
        {"192.0.2.0/24", NULL, "unknown", MAP_NOT_FOUND},
        {"192.0.2.9, fail:x", NULL, "192.0.2.9", MAP_FOUND},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct err err = ERR_INIT;
        print_message("  list: %s, address: %s\n", rows[i].list, rows[i].address);
        struct match_list *list = match_list_new("mynetworks", rows[i].list, MATCH_HOST_ADDRESS, 0);
        assert_int_equal(match_list_find_host(list, rows[i].name, rows[i].address, &err),
                         rows[i].status);
        match_list_free(list);
    }
}

static void files_are_read_in_place(void **unused)
{
    (void)unused;
    char one[] = "/tmp/test_match_list.XXXXXX", two[] = "/tmp/test_match_list.XXXXXX";
    FILE *first = fdopen(mkstemp(one), "w"), *second = fdopen(mkstemp(two), "w");
    fprintf(first, "# comment word\na.example\n  !b.example c.example\n%s\n%s\n", two, one);
    fprintf(second, "d.example\n");
    fclose(first);
    fclose(second);
    CLEANUP(strbuf_done) struct strbuf patterns = STRBUF_ANY;
    strbuf_addf(&patterns, "!x.example %s", one);
    struct match_list *list = match_list_new("title", patterns.s, MATCH_STRING, 0);
    unlink(one);
    unlink(two);
    static const struct {
        const char *string;
        enum map_status status;
    } rows[] = {{"a.example", MAP_FOUND}, {"b.example", MAP_NOT_FOUND}, {"c.example", MAP_FOUND},
                {"d.example", MAP_FOUND}, {"x.example", MAP_NOT_FOUND}, {"comment", MAP_FAILED}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct err err = ERR_INIT;
        print_message("  string: %s\n", rows[i].string);
        /* the file names itself, which ends at the bound: an error, not a loop */
        assert_int_equal(match_list_find(list, rows[i].string, &err), rows[i].status);
        if (rows[i].status == MAP_FAILED)
            assert_string_equal(err.reason, "title: too many files");
    }
    match_list_free(list);
}

static void comments_at_the_end_are_no_patterns(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT;
    struct match_list *list =
        match_list_new("mylist", "a.example # b.example, c.example", MATCH_DOMAIN, 0);
    assert_int_equal(match_list_find(list, "a.example", &err), MAP_FOUND);
    assert_int_equal(match_list_find(list, "b.example", &err), MAP_NOT_FOUND);
    assert_int_equal(match_list_find(list, "c.example", &err), MAP_NOT_FOUND);
    assert_string_equal(
        match_list_warnings(list),
        "mylist: comment at end of line is not supported: # b.example, c.example\n");
    match_list_free(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_and_domains_match),
        cmocka_unit_test(hosts_match),
        cmocka_unit_test(files_are_read_in_place),
        cmocka_unit_test(comments_at_the_end_are_no_patterns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
