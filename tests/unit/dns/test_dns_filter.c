/* dns_filter: what tables are asked, and what is left of an answer. */
#include "unit/cm.h"

#include "dns/dns_filter.h"

static struct dns_record records[3];

static struct dns_answer answer_of(enum dns_type type, size_t count)
{
    static const struct dns_record all[] = {
        {.text = "a.test",
         .owner = "x.test",
         .ttl = 60,
         .preference = 10,
         .weight = 5,
         .port = 587},
        {.text = "b.test", .owner = "x.test", .ttl = 60, .preference = 20, .weight = 0, .port = 25},
        {.text = "", .owner = "x.test", .ttl = 60},
    };
    for (size_t i = 0; i < COUNT_OF(all); i++)
        records[i] = all[i];
    return (struct dns_answer){.type = type,
                               .name = "x.test",
                               .records = records,
                               .count = count,
                               .warnings = "",
                               .notes = ""};
}

static void records_are_written_as_in_a_zone(void **unused)
{
    (void)unused;
    static const struct {
        enum dns_type type;
        const char *text;
    } rows[] = {
        {DNS_MX, "x.test. 60 IN MX 10 a.test."}, {DNS_SRV, "x.test. 60 IN SRV 10 5 587 a.test."},
        {DNS_NS, "x.test. 60 IN NS a.test."},    {DNS_PTR, "x.test. 60 IN PTR a.test."},
        {DNS_TXT, "x.test. 60 IN TXT a.test"},   {DNS_A, "x.test. 60 IN A a.test"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY;
        struct dns_answer answer = answer_of(rows[i].type, 1);
        dns_filter_format(&answer, &records[0], &out);
        assert_string_equal(out.s, rows[i].text);
    }
}

static void tables_choose(void **unused)
{
    (void)unused;
    // clang-format off
    static const struct {
        const char *name, *maps; size_t count; enum dns_status status; size_t left;
        const char *first, *warning;
    } rows[] = {
        {"no table",   "", 2, DNS_FOUND, 2, "a.test", ""},
        {"one goes",   "inline:{{x.test. 60 IN MX 10 a.test. = ignore}}", 2, DNS_FOUND, 1, "b.test", ""},
        {"more words", "inline:{{x.test. 60 IN MX 10 a.test. = IGNORE it}}", 2, DNS_FOUND, 1, "b.test", ""},
        {"all go",     "static:IGNORE", 2, DNS_DROPPED, 0, NULL, ""},
        {"no action",  "static:REJECT", 2, DNS_BAD_FILTER, 0, NULL,
                       "title: unknown DNS filter action: \"REJECT\"\n"},
        {"broken",     "fail:x", 2, DNS_BAD_FILTER, 0, NULL, NULL},
    };
    // clang-format on
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(arena_free_ptr) struct arena *arena = arena_new("test");
        struct err err = ERR_INIT;
        struct dns_answer answer = answer_of(DNS_MX, rows[i].count);
        struct maps *maps = maps_open("title", rows[i].maps, MAP_READ);
        print_message("  row: %s\n", rows[i].name);
        dns_filter_apply(maps, &answer, arena, &err);
        assert_int_equal(answer.status, rows[i].status);
        assert_int_equal(answer.count, rows[i].left);
        assert_int_equal(err.kind, answer.status == DNS_FOUND ? ERR_NONE : ERR_TEMP);
        if (rows[i].first)
            assert_string_equal(answer.records[0].text, rows[i].first);
        if (rows[i].warning)
            assert_string_equal(answer.warnings, rows[i].warning);
        maps_close(maps);
    }
}

static void what_is_dropped_is_told(void **unused)
{
    (void)unused;
    CLEANUP(arena_free_ptr) struct arena *arena = arena_new("test");
    struct err err = ERR_INIT;
    struct maps *maps = maps_open("title", "static:IGNORE", MAP_READ);
    struct dns_answer answer = answer_of(DNS_MX, 2);
    dns_filter_apply(maps, &answer, arena, &err);
    assert_string_equal(answer.notes, "ignoring DNS RR: x.test. 60 IN MX 10 a.test.\n"
                                      "ignoring DNS RR: x.test. 60 IN MX 20 b.test.\n");
    assert_string_equal(err.reason, "Error looking up name=x.test type=MX: "
                                    "DNS reply filter drops all results");
    maps_close(maps);
}

/* A domain that says it takes no mail cannot be made one that might. */
static void null_mx_is_no_record(void **unused)
{
    (void)unused;
    CLEANUP(arena_free_ptr) struct arena *arena = arena_new("test");
    struct err err = ERR_INIT;
    struct maps *maps = maps_open("title", "static:IGNORE", MAP_READ);
    struct dns_answer answer = answer_of(DNS_MX, 1);
    records[0].text = "";
    dns_filter_apply(maps, &answer, arena, &err);
    assert_int_equal(answer.status, DNS_FOUND);
    assert_int_equal(answer.count, 1);
    maps_close(maps);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_written_as_in_a_zone),
        cmocka_unit_test(tables_choose),
        cmocka_unit_test(what_is_dropped_is_told),
        cmocka_unit_test(null_mx_is_no_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
