/* DNS lists with filters and weights. */
#include "postscreen/psc_sites.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void scores(void **unused)
{
    (void)unused;
    static const struct {
        const char *name, *list, *addresses;
        int64_t score;
    } rows[] = {
        {"any answer", "a.test", "127.0.0.2", 1},
        {"no answer", "a.test", "", 0},
        {"weight", "a.test*5", "127.0.0.2", 5},
        {"negative weight", "a.test*-5", "127.0.0.2", -5},
        {"filter", "a.test=127.0.0.4", "127.0.0.4", 1},
        {"filter, other answer", "a.test=127.0.0.4", "127.0.0.5", 0},
        {"one of two answers", "a.test=127.0.0.4", "127.0.0.5 127.0.0.4", 1},
        {"counts once", "a.test*2", "127.0.0.5 127.0.0.4", 2},
        {"alternatives", "a.test=127.0.0.[2;4]*3", "127.0.0.4", 3},
        {"range", "a.test=127.0.0.[5..12]", "127.0.0.12", 1},
        {"beside the range", "a.test=127.0.0.[5..12]", "127.0.0.13", 0},
        {"all of it", "a.test=127.[0..255].0.[2;4..7;9]*7", "127.3.0.6", 7},
        {"rules of one domain add up", "a.test=127.0.0.2*3 A.test=127.0.0.[2..3]*4", "127.0.0.2",
         7},
        {"odd answer", "a.test=127.0.0.2", "127.0.0", 0},
        {"odd answer, too long", "a.test=127.0.0.2", "127.0.0.2.2", 0},
        {"odd answer, no number", "a.test=127.0.0.2", "127.0.0.x 127.0.0.256", 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct err err = ERR_INIT;
        print_message("  row: %s\n", rows[i].name);
        struct psc_sites *sites = psc_sites_parse(rows[i].list, &err);
        assert_non_null(sites);
        assert_int_equal(psc_sites_count(sites), 1);
        assert_int_equal(psc_sites_score(sites, 0, slice_of(rows[i].addresses)), rows[i].score);
        psc_sites_free(sites);
    }
}

static void mistakes(void **unused)
{
    (void)unused;
    static const struct {
        const char *list, *reason;
    } rows[] = {
        {"a.test*x", "bad DNSBL weight factor \"x\" in \"a.test*x\""},
        {"a.test*", "bad DNSBL weight factor \"\" in \"a.test*\""},
        {"b.test a.test=1.2.3", "bad DNSBL filter syntax \"1.2.3\" in \"a.test=1.2.3\""},
        {"a.test=1.2.3.4.5", "bad DNSBL filter syntax \"1.2.3.4.5\" in \"a.test=1.2.3.4.5\""},
        {"a.test=1.2.3.256", "bad DNSBL filter syntax \"1.2.3.256\" in \"a.test=1.2.3.256\""},
        {"a.test=1.2.3.[4", "bad DNSBL filter syntax \"1.2.3.[4\" in \"a.test=1.2.3.[4\""},
        {"a.test=1.2.3.[]", "bad DNSBL filter syntax \"1.2.3.[]\" in \"a.test=1.2.3.[]\""},
        {"a.test=1.2.3.[5..4]",
         "bad DNSBL filter syntax \"1.2.3.[5..4]\" in \"a.test=1.2.3.[5..4]\""},
        {"a.test=1.2.3.[5.6]", "bad DNSBL filter syntax \"1.2.3.[5.6]\" in \"a.test=1.2.3.[5.6]\""},
        {"=127.0.0.1", "bad DNSBL site \"=127.0.0.1\": no domain"},
        {"a.test*99999999999", "bad DNSBL weight factor \"99999999999\" in \"a.test*99999999999\""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct err err = ERR_INIT;
        print_message("  row: %s\n", rows[i].list);
        assert_null(psc_sites_parse(rows[i].list, &err));
        assert_string_equal(err.reason, rows[i].reason);
    }
}

static void each_domain_is_asked_once(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT;
    struct psc_sites *sites = psc_sites_parse("a.test*2, b.test=127.0.0.2 a.test=127.0.0.9", &err);
    assert_int_equal(psc_sites_count(sites), 2);
    assert_string_equal(psc_sites_domain(sites, 1), "b.test");
    psc_sites_free(sites);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores),
        cmocka_unit_test(mistakes),
        cmocka_unit_test(each_domain_is_asked_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
