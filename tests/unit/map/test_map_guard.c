#include "unit/cm.h"

#include "map/map_guard.h"
#include "map/map_suspect.h"

#include <sched.h>
#include <semaphore.h>
#include <stdlib.h>

enum { FOREVER_MS = 24 * 60 * 60 * 1000 };

/* A table that does as it is told; "wait" as a key holds its thread until the gate opens. */
struct fake {
    struct map map;
    sem_t *gate;
};

static enum map_status fake_find(struct map *map, const char *key, struct strbuf *value,
                                 struct err *err)
{
    if (strcmp(key, "wait") == 0)
        sem_wait(CONTAINER_OF(map, struct fake, map)->gate);
    if (strcmp(key, "fail") == 0) {
        err_set(err, ERR_TEMP, "told to fail");
        map_warn(map, "a warning");
        return MAP_FAILED;
    }
    if (strcmp(key, "none") == 0)
        return MAP_NOT_FOUND;
    strbuf_addf(value, "<%s>", key);
    return MAP_FOUND;
}

static void fake_close(struct map *map)
{
    (void)map;
}

static const struct map_driver driver = {.type = "fake", .is_remote = true};

static struct map *dressed(struct map *map)
{
    map->driver = &driver;
    map->name = strdup("fake:x");
    return map;
}

static struct map *guarded(sem_t *gate, int64_t limit_ms)
{
    struct fake *fake = map_alloc(sizeof *fake);
    fake->gate = gate;
    fake->map.find = fake_find;
    fake->map.close = fake_close;
    return dressed(map_guard_new(dressed(&fake->map), limit_ms));
}

static struct map *guarded_of(sem_t *gate, const char *server)
{
    struct fake *fake = map_alloc(sizeof *fake);
    fake->gate = gate;
    fake->map.find = fake_find;
    fake->map.close = fake_close;
    fake->map.server = server;
    return dressed(map_guard_new(dressed(&fake->map), FOREVER_MS));
}

static void answers_pass_through(void **unused)
{
    (void)unused;
    static const struct {
        const char *key;
        enum map_status status;
        const char *value, *reason;
    } rows[] = {
        {"a", MAP_FOUND, "<a>", ""},
        {"none", MAP_NOT_FOUND, "", ""},
        {"fail", MAP_FAILED, "", "told to fail"},
        {"b", MAP_FOUND, "<b>", ""},
    };
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
    sem_t gate;
    sem_init(&gate, 0, 0);
    struct map *map = guarded(&gate, 60 * 1000);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct err err = ERR_INIT;
        print_message("  row: %s\n", rows[i].key);
        assert_int_equal(map_find(map, rows[i].key, &value, &err), rows[i].status);
        assert_string_equal(value.s, rows[i].value);
        assert_string_equal(err.reason, rows[i].reason);
    }
    assert_string_equal(map_warnings(map), "a warning\n");
    assert_null(map->put);
    map_close(map);
    sem_destroy(&gate);
}

static void a_table_that_hangs_is_not_waited_for(void **unused)
{
    (void)unused;
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
    sem_t gate;
    sem_init(&gate, 0, 0);
    struct map *map = guarded(&gate, 1);
    struct err err = ERR_INIT;
    assert_int_equal(map_find(map, "wait", &value, &err), MAP_FAILED);
    assert_string_equal(err.reason, "no answer in time");
    assert_false(err.is_repeated);
    assert_int_equal(map_find(map, "a", &value, &err), MAP_FAILED);
    assert_string_equal(err.reason, "an earlier look-up still gets no answer");
    assert_true(err.is_repeated);

    sem_post(&gate); /* it answers at last; nobody hears that answer */
    enum map_status status;
    while ((status = map_find(map, "a", &value, &err)) == MAP_FAILED)
        sched_yield();
    assert_int_equal(status, MAP_FOUND);
    assert_string_equal(value.s, "<a>");
    map_close(map);
    sem_destroy(&gate);
}

static void a_table_that_hangs_can_be_closed(void **unused)
{
    (void)unused;
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
    static sem_t gate; /* the thread may come to it after we are done */
    sem_init(&gate, 0, 0);
    struct map *map = guarded(&gate, 1);
    assert_int_equal(map_find(map, "wait", &value, NULL), MAP_FAILED);
    map_close(map);
    sem_post(&gate);
}

static bool yes(void)
{
    return true;
}

/* Where the wait were not shortened, these two would take a day. */
static void a_quick_table_is_not_waited_for_while_others_wait(void **unused)
{
    (void)unused;
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
    static sem_t gate;
    sem_init(&gate, 0, 0);
    struct map_options before = *map_get_options(), options = before;
    options.others_wait = yes;
    map_set_options(&options);
    struct map *map = guarded_of(&gate, NULL);
    struct err err = ERR_INIT;
    assert_int_equal(map_find(map, "a", &value, &err), MAP_FOUND);
    assert_int_equal(map_find(map, "wait", &value, &err), MAP_FAILED);
    assert_string_equal(err.reason, "no answer in time");
    map_set_options(&before);
    sem_post(&gate);
    map_close(map);
}

static void tables_of_a_server_that_hangs_are_not_waited_for(void **unused)
{
    (void)unused;
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
    static sem_t gate;
    sem_init(&gate, 0, 0);
    struct map *first = guarded_of(&gate, "db1"), *second = guarded_of(&gate, "db1"),
               *other = guarded_of(&gate, "db2");
    struct err err = ERR_INIT;
    first->server = second->server =
        "db1"; /* for map_suspect; a guard asks about the inner table */
    other->server = "db2";
    map_suspect_add(first); /* it did not answer in time */
    assert_true(map_suspect_has(second));
    assert_false(map_suspect_has(other));
    assert_int_equal(map_find(second, "wait", &value, &err), MAP_FAILED);
    assert_string_equal(err.reason, "no answer in time");

    assert_int_equal(map_find(first, "a", &value, &err), MAP_FOUND); /* it is well again */
    assert_false(map_suspect_has(second));
    sem_post(&gate);
    map_close(first);
    map_close(second);
    map_close(other);
}

static void servers_are_forgotten_one_by_one(void **unused)
{
    (void)unused;
    struct map map = {.driver = &driver};
    char names[40][8];
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        snprintf(names[i], sizeof names[i], "s%zu", i);
        map.server = names[i];
        map_suspect_add(&map);
        map_suspect_add(&map); /* is there once */
    }
    map.server = names[0];
    assert_false(map_suspect_has(&map)); /* the oldest made room */
    for (size_t i = 8; i < COUNT_OF(names); i++) {
        map.server = names[i];
        assert_true(map_suspect_has(&map));
        map_suspect_clear(&map);
        assert_false(map_suspect_has(&map));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_pass_through),
        cmocka_unit_test(a_table_that_hangs_is_not_waited_for),
        cmocka_unit_test(a_table_that_hangs_can_be_closed),
        cmocka_unit_test(a_quick_table_is_not_waited_for_while_others_wait),
        cmocka_unit_test(tables_of_a_server_that_hangs_are_not_waited_for),
        cmocka_unit_test(servers_are_forgotten_one_by_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
