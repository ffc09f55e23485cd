/* Records of the cache, and what follows from them. */
#include "postscreen/psc_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { NOW = 1000 };

static void records_are_read(void **unused)
{
    (void)unused;
    static const struct {
        const char *name, *text;
        bool good;
        int64_t until[PSC_TESTS];
    } rows[] = {
        {"whole", "1795411881;1;1797917484;0;5", true, {1795411881, 1, 1797917484, 0, 5}},
        {"older, with fewer tests", "7;8", true, {7, 8}},
        {"empty", "", false, {0}},
        {"too many", "1;2;3;4;5;6", false, {0}},
        {"no number", "1;x", false, {0}},
        {"negative", "1;-2", false, {0}},
        {"too large", "99999999999999999999", false, {0}},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct psc_times times = {{0}};
        print_message("  row: %s\n", rows[i].name);
        assert_int_equal(psc_times_parse(slice_of(rows[i].text), &times), rows[i].good);
        assert_memory_equal(times.until, rows[i].until, sizeof times.until);
    }
}

static void records_are_written(void **unused)
{
    (void)unused;
    struct psc_times times = {{1, 0, 22, 333, 4}};
    CLEANUP(strbuf_done) struct strbuf out = STRBUF_INIT(100);
    psc_times_format(&times, &out);
    assert_string_equal(out.s, "1;0;22;333;4");
}

static void what_has_expired_is_to_be_done(void **unused)
{
    (void)unused;
    static const struct {
        const char *name;
        struct psc_times times;
        unsigned enabled, todo;
        bool is_new;
    } rows[] = {
        {"new client", {{0, 0, 0, 0, 0}}, 3, 3, true},
        {"all passed", {{2000, 2000, 2000, 2000, 2000}}, 31, 0, false},
        {"one expired", {{2000, NOW, 1, 1, 1}}, 3, 2, false},
        {"switched on since", {{2000, 2000, PSC_WAS_OFF, 1, 1}}, 7, 4, false},
        {"never got that far", {{2000, 2000, PSC_NEVER, 1, 1}}, 7, 4, true},
        {"nothing is on", {{0, 0, 0, 0, 0}}, 0, 0, true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        print_message("  row: %s\n", rows[i].name);
        assert_int_equal(psc_times_todo(&rows[i].times, rows[i].enabled, NOW), rows[i].todo);
        assert_int_equal(psc_times_is_new(&rows[i].times), rows[i].is_new);
    }
}

static void results_are_noted(void **unused)
{
    (void)unused;
    const int64_t ttl[PSC_TESTS] = {10, 20, 30, 40, 50};
    struct psc_times times = {{0, 5, 0, 0, 0}}, other = {{0, 9, 0, 3, 0}};
    psc_times_pass(&times, 1u << PSC_PREGREET | 1u << PSC_BARE_NEWLINE, NOW, ttl);
    assert_int_equal(times.until[PSC_PREGREET], NOW + 10);
    assert_int_equal(times.until[PSC_DNSBL], 5);
    assert_int_equal(times.until[PSC_BARE_NEWLINE], NOW + 50);
    psc_times_skip_disabled(&times, PSC_EARLY | 1u << PSC_PIPELINING);
    assert_int_equal(times.until[PSC_PIPELINING], PSC_NEVER);
    assert_int_equal(times.until[PSC_NON_SMTP], PSC_WAS_OFF);
    psc_times_merge(&times, &other);
    assert_int_equal(times.until[PSC_DNSBL], 9);
    assert_int_equal(times.until[PSC_NON_SMTP], 3);
    assert_int_equal(psc_times_latest(&times), NOW + 50);
    psc_times_vouch(&times, NOW + 20);
    assert_int_equal(times.until[PSC_PREGREET], NOW + 20);
    assert_int_equal(times.until[PSC_BARE_NEWLINE], NOW + 50);
}

static void actions_have_names(void **unused)
{
    (void)unused;
    enum psc_action action = PSC_IGNORE;
    assert_true(psc_action_parse("DROP", &action));
    assert_int_equal(action, PSC_DROP);
    assert_false(psc_action_parse("", &action));
    assert_false(psc_action_parse("dropp", &action));
    assert_int_equal(action, PSC_DROP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_read),
        cmocka_unit_test(records_are_written),
        cmocka_unit_test(what_has_expired_is_to_be_done),
        cmocka_unit_test(results_are_noted),
        cmocka_unit_test(actions_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
