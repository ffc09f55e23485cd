/* Sessions in a table: found, too old, removed, after a restart, after a crash. */
#include "unit/cm.h"

#include "base/clock.h"
#include "config/common_params.h"
#include "map/map.h"
#include "tlsmgr/tlsmgr_cache.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static time_t now_s = 1000000;
static void fake_wall(struct timeval *now)
{
    *now = (struct timeval){.tv_sec = now_s};
}

static char directory[] = "/tmp/tlsmgr-cache-XXXXXX";
static char database[100];

static int begin(void **state)
{
    (void)state;
    clock_wall = fake_wall;
    common_params.data_directory = directory;
    if (!mkdtemp(directory))
        return -1;
    snprintf(database, sizeof database, "btree:%s/cache", directory);
    return 0;
}

static int end(void **state)
{
    (void)state;
    char path[100];
    snprintf(path, sizeof path, "%s/cache.db", directory);
    unlink(path);
    return rmdir(directory);
}

static struct tlsmgr_cache open_cache(const char *table)
{
    struct tlsmgr_cache cache = {.name = "smtpd", .lifetime_s = 3600};
    tlsmgr_cache_open(&cache, table);
    return cache;
}

static const struct slice session = {"session\0with a NUL", 18};

static bool has(struct tlsmgr_cache *cache, const char *id)
{
    CLEANUP(strbuf_done) struct strbuf got = STRBUF_ANY;
    bool is_found = tlsmgr_cache_find(cache, id, &got);
    assert_int_equal(got.len, is_found ? session.len : 0);
    assert_memory_equal(got.s, session.s, got.len);
    return is_found;
}

static void a_session_is_found_until_it_is_too_old(void **state)
{
    (void)state;
    struct tlsmgr_cache cache = open_cache(database);
    assert_non_null(cache.map);
    assert_false(has(&cache, "A"));
    tlsmgr_cache_save(&cache, "A", session);
    tlsmgr_cache_save(&cache, "B", session);
    assert_true(has(&cache, "A"));
    tlsmgr_cache_remove(&cache, "A");
    assert_false(has(&cache, "A"));
    now_s += 3599;
    assert_true(has(&cache, "B"));
    now_s += 1;
    assert_false(has(&cache, "B"));
    now_s -= 3600;
    assert_false(has(&cache, "B")); /* it was removed */
    tlsmgr_cache_close(&cache);
}

static void a_restart_keeps_sessions_and_a_crash_does_not(void **state)
{
    (void)state;
    struct tlsmgr_cache cache = open_cache(database);
    tlsmgr_cache_save(&cache, "A", session);
    tlsmgr_cache_close(&cache);
    cache = open_cache(database);
    assert_true(has(&cache, "A"));
    map_close(cache.map); /* not in order */
    cache = open_cache(database);
    assert_non_null(cache.map);
    assert_false(has(&cache, "A"));
    tlsmgr_cache_save(&cache, "A", session);
    assert_true(has(&cache, "A"));
    tlsmgr_cache_close(&cache);
}

static void the_sweep_removes_what_is_too_old(void **state)
{
    (void)state;
    enum { OLD = 500, NEW = 300 };
    struct loop *loop = loop_new();
    struct tlsmgr_cache cache = open_cache(database);
    char id[20];
    for (int i = 0; i < OLD; i++) {
        snprintf(id, sizeof id, "old%d", i);
        tlsmgr_cache_save(&cache, id, session);
    }
    now_s += 3600;
    for (int i = 0; i < NEW; i++) {
        snprintf(id, sizeof id, "new%d", i);
        tlsmgr_cache_save(&cache, id, session);
    }
    assert_int_equal(cache.count, OLD + NEW);
    tlsmgr_cache_start(&cache, loop);
    while (cache.count != NEW)
        loop_run_once(loop, true);
    now_s -= 3600;
    assert_false(has(&cache, "old0"));
    assert_false(has(&cache, "old499"));
    now_s += 3600;
    assert_true(has(&cache, "new0"));
    assert_true(has(&cache, "new299"));
    tlsmgr_cache_close(&cache);
    loop_free(loop);
}

static void a_full_cache_takes_no_more(void **state)
{
    (void)state;
    struct tlsmgr_cache cache = open_cache(database);
    cache.count = TLSMGR_ENTRIES_MAX;
    tlsmgr_cache_save(&cache, "more", session);
    assert_false(has(&cache, "more"));
    tlsmgr_cache_close(&cache);
}

static void tables_that_cannot_be_a_cache(void **state)
{
    (void)state;
    static const char *const rows[] = {"static:x", "btree:/nowhere/at/all", "nosuchtype:x", "x",
                                       "cidr:{}"};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        ROW(rows[i]);
        struct tlsmgr_cache cache = open_cache(rows[i]);
        assert_null(cache.map);
        tlsmgr_cache_save(&cache, "A", session);
        assert_false(has(&cache, "A"));
        tlsmgr_cache_close(&cache);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_is_found_until_it_is_too_old),
        cmocka_unit_test(a_restart_keeps_sessions_and_a_crash_does_not),
        cmocka_unit_test(the_sweep_removes_what_is_too_old),
        cmocka_unit_test(a_full_cache_takes_no_more),
        cmocka_unit_test(tables_that_cannot_be_a_cache),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
