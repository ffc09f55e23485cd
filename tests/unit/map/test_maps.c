/* maps: the first table that has the key answers; failures and empty values stop the search. */
#include "map/maps.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void the_first_answer_counts(void **unused)
{
    (void)unused;
    static const struct {
        const char *list, *key;
        enum maps_key kind;
        enum map_status status;
        const char *value, *error;
    } rows[] = {
        {"", "k", MAPS_WHOLE_KEY, MAP_NOT_FOUND, NULL, NULL},
        {"inline:{a=1}, inline:{a=2}", "a", MAPS_WHOLE_KEY, MAP_FOUND, "1", NULL},
        {"inline:{b=1} inline:{a=2}", "a", MAPS_PARTIAL_KEY, MAP_FOUND, "2", NULL},
        {"static:p, inline:{a=2}", "a", MAPS_PARTIAL_KEY, MAP_FOUND, "2", NULL},
        {"static:p, inline:{a=2}", "a", MAPS_WHOLE_KEY, MAP_FOUND, "p", NULL},
        {"unionmap:{static:p}, inline:{a=2}", "a", MAPS_PARTIAL_KEY, MAP_FOUND, "2", NULL},
        {"proxy:static:p, inline:{a=2}", "a", MAPS_PARTIAL_KEY, MAP_FOUND, "2", NULL},
        {"proxy:static:p, inline:{a=2}", "a", MAPS_WHOLE_KEY, MAP_FOUND, "p", NULL},
        {"proxy:nosuch:x", "a", MAPS_WHOLE_KEY, MAP_FAILED, NULL,
         "title: table proxy:nosuch:x: lookup of \"a\": unsupported dictionary type: nosuch"},
        {"fail:x, inline:{a=2}", "a", MAPS_WHOLE_KEY, MAP_FAILED, NULL,
         "title: table fail:x: lookup of \"a\""},
        {"inline:{a=}", "a", MAPS_WHOLE_KEY, MAP_FAILED, NULL,
         "title: table inline:{a=}: lookup of \"a\": empty string result is not allowed"},
        {"nosuch:x", "a", MAPS_WHOLE_KEY, MAP_FAILED, NULL,
         "title: table nosuch:x: lookup of \"a\": unsupported dictionary type: nosuch"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
        struct err err = ERR_INIT;
        print_message("  list: %s\n", rows[i].list);
        struct maps *maps = maps_open("title", rows[i].list, MAP_FOLD);
        assert_int_equal(maps_find(maps, rows[i].key, rows[i].kind, &value, &err), rows[i].status);
        if (rows[i].value)
            assert_string_equal(value.s, rows[i].value);
        if (rows[i].error)
            assert_int_equal(strncmp(err.reason, rows[i].error, strlen(rows[i].error)), 0);
        maps_close(maps);
    }
}

static void warnings_are_told_once(void **unused)
{
    (void)unused;
    struct maps *maps = maps_open("title", "cidr:{{x y}}, static:a", MAP_READ);
    assert_string_equal(
        maps_warnings(maps),
        "cidr map {{x y}}, line 1: bad address pattern: \"x\": skipping this rule\n");
    assert_string_equal(maps_warnings(maps), "");
    assert_false(maps_is_empty(maps));
    assert_true(maps_is_empty(NULL));
    maps_close(maps);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_answer_counts),
        cmocka_unit_test(warnings_are_told_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
