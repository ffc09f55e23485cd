#include "tlsmgr/tlsmgr_cache.h"

#include "base/argv.h"
#include "base/clock.h"
#include "base/num.h"
#include "base/text.h"
#include "log/log.h"
#include "map/map.h"
#include "tlsmgr/tlsmgr_owned.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* no id has a blank */
static const char closed_mark[] = "closed in order";
enum { SWEEP_STEP = 200, SWEEP_STEP_MS = 10 };

static int64_t now_s(void)
{
    struct timeval now;
    clock_wall(&now);
    return now.tv_sec;
}

static void complain(const struct err *err)
{
    if (!err->is_repeated)
        log_warn(NULL, "%s", err->reason);
}

/* --- entries -------------------------------------------------------------------------------- */

/* "TIME BASE64"; false: no such thing, or too old. */
static bool entry_read(const struct tlsmgr_cache *cache, struct slice value, struct slice *session,
                       int64_t *ret_time)
{
    struct slice time;
    int64_t age;
    if (!slice_split(value, ' ', &time, session) || !num_parse_i64(time, ret_time))
        return false;
    age = now_s() - *ret_time;
    return age >= 0 && age < cache->lifetime_s;
}

bool tlsmgr_cache_find(struct tlsmgr_cache *cache, const char *id, struct strbuf *session)
{
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
    struct err err = ERR_INIT;
    struct slice text;
    int64_t time;
    if (!cache->map)
        return false;
    if (cache->logs)
        log_info(NULL, "lookup %s session id=%s", cache->name, id);
    switch (map_find(cache->map, id, &value, &err)) {
    case MAP_FAILED:
        complain(&err);
        return false;
    case MAP_NOT_FOUND:
        return false;
    case MAP_FOUND:
        break;
    }
    size_t before = session->len;
    if (!entry_read(cache, strbuf_slice(&value), &text, &time) ||
        !text_base64_decode(text, session)) {
        strbuf_truncate(session, before);
        tlsmgr_cache_remove(cache, id);
        return false;
    }
    if (cache->logs)
        log_info(NULL, "read %s TLS cache entry %s: time=%lld [data %zu bytes]", cache->name, id,
                 (long long)time, session->len - before);
    return true;
}

void tlsmgr_cache_save(struct tlsmgr_cache *cache, const char *id, struct slice session)
{
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
    struct err err = ERR_INIT;
    long long now = now_s();
    if (!cache->map)
        return;
    if (cache->logs)
        log_info(NULL, "put %s session id=%s [data %zu bytes]", cache->name, id, session.len);
    if (cache->count >= TLSMGR_ENTRIES_MAX) {
        if (cache->count++ == TLSMGR_ENTRIES_MAX)
            log_warn(NULL, "the %s TLS session cache is full: new sessions are not kept",
                     cache->name);
        return;
    }
    strbuf_addf(&value, "%lld ", now);
    text_base64_encode(session, &value);
    if (!map_put(cache->map, id, value.s, &err)) {
        complain(&err);
        return;
    }
    cache->count++;
    if (cache->logs)
        log_info(NULL, "write %s TLS cache entry %s: time=%lld [data %zu bytes]", cache->name, id,
                 now, session.len);
}

void tlsmgr_cache_remove(struct tlsmgr_cache *cache, const char *id)
{
    struct err err = ERR_INIT;
    if (cache->map && map_remove(cache->map, id, &err) == MAP_FAILED)
        complain(&err);
}

/* --- the sweep ------------------------------------------------------------------------------ */

/* False: that was the last entry. */
static bool sweep_some(struct tlsmgr_cache *cache, struct argv *expired)
{
    CLEANUP(strbuf_done) struct strbuf key = STRBUF_ANY, value = STRBUF_ANY;
    struct err err = ERR_INIT;
    struct slice text;
    int64_t time;
    for (int i = 0; i < SWEEP_STEP; i++) {
        enum map_status status = cache->map->next(cache->map, cache->is_first, &key, &value, &err);
        cache->is_first = false;
        if (status == MAP_FAILED)
            complain(&err);
        if (status != MAP_FOUND)
            return false;
        if (entry_read(cache, strbuf_slice(&value), &text, &time))
            cache->seen++;
        else
            argv_add(expired, key.s);
    }
    return true;
}

static void on_sweep(void *owner)
{
    struct tlsmgr_cache *cache = owner;
    CLEANUP(argv_done) struct argv expired = ARGV_INIT;
    if (cache->is_first && cache->logs)
        log_info(NULL, "start TLS %s session cache cleanup", cache->name);
    bool goes_on = sweep_some(cache, &expired);
    for (size_t i = 0; i < expired.count; i++)
        tlsmgr_cache_remove(cache, expired.at[i]);
    if (!goes_on) {
        cache->count = cache->seen;
        cache->seen = 0;
        cache->is_first = true;
    }
    timer_start(cache->sweep, goes_on ? SWEEP_STEP_MS : cache->lifetime_s * 1000);
}

void tlsmgr_cache_start(struct tlsmgr_cache *cache, struct loop *loop)
{
    if (!cache->map)
        return;
    cache->is_first = true;
    cache->sweep = timer_new(loop, on_sweep, cache);
    timer_start(cache->sweep, SWEEP_STEP_MS);
}

/* --- opening and closing -------------------------------------------------------------------- */

static bool take_mark(struct map *map)
{
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
    struct err err = ERR_INIT;
    return map_find(map, closed_mark, &value, &err) == MAP_FOUND &&
           map_remove(map, closed_mark, &err) == MAP_FOUND &&
           (!map->commit || map->commit(map, &err));
}

static struct map *open_table(const char *table, struct err *err)
{
    struct map *map = map_open_strict(table, MAP_WRITE | MAP_KEEP_DUPLICATES_QUIET, err);
    if (!map || (map->put && map->remove && map->next))
        return map;
    err_set(err, ERR_CONFIG, "this type of table cannot be a cache");
    map_close(map);
    return NULL;
}

/* Dying before the new one is there leaves none. */
static bool begin_anew(struct slice type, const char *path, struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf file = STRBUF_ANY;
    struct err unknown = ERR_INIT;
    const struct map_driver *driver = map_driver_find(type, &unknown);
    if (!driver || !driver->suffix)
        return driver != NULL; /* in memory */
    strbuf_addf(&file, "%s%s", path, driver->suffix);
    if (unlink(file.s) == 0 || errno == ENOENT)
        return true;
    return err_set(err, ERR_CONFIG, "remove %s: %s", file.s, strerror(errno));
}

/* A table that is not as this program leaves it goes, be it broken or of another product. */
static struct map *open_anew_unless_closed(struct slice type, const char *path, const char *table,
                                           struct err *err)
{
    struct map *map = open_table(table, err);
    if (map && take_mark(map))
        return map;
    map_close(map);
    return begin_anew(type, path, err) ? open_table(table, err) : NULL;
}

void tlsmgr_cache_open(struct tlsmgr_cache *cache, const char *database)
{
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_ANY, table = STRBUF_ANY;
    struct slice type, name;
    struct err err = ERR_INIT;
    if (!database[0])
        return;
    if (!slice_split(slice_of(database), ':', &type, &name))
        type = slice_of(database), name = SLICE_EMPTY;
    tlsmgr_owned_path(name.s, &path);
    strbuf_addf(&table, "%.*s:%s", SLICE_ARG(type), path.s);
    cache->map = open_anew_unless_closed(type, path.s, table.s, &err);
    if (!cache->map)
        log_warn(NULL, "%s is unavailable. %s", table.s, err.reason);
    else if (cache->logs)
        log_info(NULL, "open %s TLS cache %s", cache->name, table.s);
}

void tlsmgr_cache_close(struct tlsmgr_cache *cache)
{
    struct err err = ERR_INIT;
    if (!cache->map)
        return;
    if (!map_put(cache->map, closed_mark, "1", &err) ||
        (cache->map->commit && !cache->map->commit(cache->map, &err)))
        log_warn(NULL, "%s", err.reason);
    map_close(cache->map);
    cache->map = NULL;
    timer_free(cache->sweep);
    cache->sweep = NULL;
}
