/* The table in memory against a list of what should be in it. */
#include "map/map_memory.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { NAMES = 500, STEPS = 60000 };

static unsigned random_below(unsigned limit)
{
    static uint64_t state = 88172645463325252U; /* xorshift; the same each time */
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)(state >> 33) % limit;
}

static struct map *open_memory(void)
{
    static const struct map_driver driver = {.type = "memory"};
    struct map *map = map_memory_new(MAP_READ);
    map->driver = &driver;
    return map;
}

static void it_holds_what_was_put(void **unused)
{
    (void)unused;
    static int model[NAMES]; /* 0: not there */
    CLEANUP(strbuf_done) struct strbuf key = STRBUF_ANY;
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
    struct err err = ERR_INIT;
    struct map *map = open_memory();
    for (int i = 1; i <= STEPS; i++) {
        unsigned n = random_below(NAMES), what = random_below(10);
        char text[32];
        strbuf_reset(&key);
        strbuf_addf(&key, "%s%u", n % 2 ? "a rather long name " : "", n);
        if (n == 0)
            strbuf_reset(&key); /* "" is a key, too */
        snprintf(text, sizeof text, "%d", i);
        if (what < 3) {
            bool is_new = map_memory_set(map, strbuf_slice(&key), slice_of(text), what < 2);
            assert_int_equal(is_new, model[n] == 0);
            if (what < 2 || !model[n])
                model[n] = i;
        } else if (what < 5 && n > 0) {
            assert_int_equal(map->remove(map, key.s, &err), model[n] ? MAP_FOUND : MAP_NOT_FOUND);
            model[n] = 0;
        }
        enum map_status status = map_find(map, key.s, &value, &err);
        assert_int_equal(status, model[n] ? MAP_FOUND : MAP_NOT_FOUND);
        snprintf(text, sizeof text, "%d", model[n]);
        if (status == MAP_FOUND)
            assert_string_equal(value.s, text);
        if (i % 1000 == 0) {
            int listed = 0, wanted = 0;
            for (bool first = true; map->next(map, first, &key, &value, &err) == MAP_FOUND;
                 first = false)
                listed++;
            for (int m = 0; m < NAMES; m++)
                wanted += model[m] != 0;
            assert_int_equal(listed, wanted);
        }
    }
    map_close(map);
}

/* Each entry once, although half of them are removed and others replaced on the way. */
static void a_listing_survives_changes(void **unused)
{
    (void)unused;
    CLEANUP(strbuf_done) struct strbuf key = STRBUF_ANY;
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
    CLEANUP(strbuf_done) struct strbuf large = STRBUF_ANY;
    struct err err = ERR_INIT;
    struct map *map = open_memory();
    int listed = 0;
    strbuf_add_fill(&large, 'x', 1000); /* so that waste is dropped meanwhile */
    for (int i = 0; i < 400; i++) {
        strbuf_reset(&key);
        strbuf_addf(&key, "%d", i);
        map_memory_set(map, strbuf_slice(&key), strbuf_slice(&large), true);
    }
    for (bool first = true; map->next(map, first, &key, &value, &err) == MAP_FOUND; first = false) {
        char number[16];
        snprintf(number, sizeof number, "%d", listed);
        assert_string_equal(key.s, number);
        assert_int_equal(map->remove(map, key.s, &err), MAP_FOUND);
        assert_true(map_memory_set(map, slice_of("-"), slice_of(""), false));
        assert_int_equal(map->remove(map, "-", &err), MAP_FOUND);
        listed++;
    }
    assert_int_equal(listed, 400);
    map_close(map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_holds_what_was_put),
        cmocka_unit_test(a_listing_survives_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
