/* map: opening tables by name, and what all types share: folding of keys, UTF-8, warnings. */
#include "map/map.h"
#include "map/map_fold.h"
#include "map/map_guard.h"
#include "map/map_proxy.h"

#include "base/text.h"
#include "base/xmem.h"
#include "config/common_params.h"

#include <pthread.h>

enum { WARNINGS_MAX = 64 * 1024, NESTING_MAX = 16 };

static struct map_options map_options = {
    .berkeley_db_create_buffer_size = 16777216,
    .berkeley_db_read_buffer_size = 131072,
    .lmdb_map_size = 16777216,
    .socketmap_max_query_size = 10000,
    .socketmap_max_reply_size = 100000,
    .remote_timeout_ms = (int64_t)10 * 1000,
};

struct map_options map_options_of(const struct config *cfg)
{
    return (struct map_options){
        .berkeley_db_create_buffer_size = (size_t)common_params.berkeley_db_create_buffer_size,
        .berkeley_db_read_buffer_size = (size_t)common_params.berkeley_db_read_buffer_size,
        .lmdb_map_size = (size_t)common_params.lmdb_map_size,
        .socketmap_max_query_size = (size_t)common_params.socketmap_max_query_size,
        .socketmap_max_reply_size = (size_t)common_params.socketmap_max_reply_size,
        .remote_timeout_ms = common_params.remote_table_timeout * 1000,
        .meta_directory = common_params.meta_directory,
        .shlib_directory = common_params.shlib_directory,
        .config = cfg,
    };
}

static pthread_t options_thread;

void map_set_options(const struct map_options *options)
{
    map_options = *options;
    options_thread = pthread_self();
}

const struct map_options *map_get_options(void)
{
    return &map_options;
}

void *map_alloc(size_t size)
{
    struct map *map = xzalloc(size);
    strbuf_init(&map->warnings, WARNINGS_MAX);
    strbuf_init(&map->folded, SIZE_MAX / 4);
    return map;
}

void map_warn(struct map *map, const char *fmt, ...)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_INIT(4096);
    va_list ap;
    va_start(ap, fmt);
    strbuf_vaddf(&text, fmt, ap);
    va_end(ap);
    text_add_printable(&map->warnings, strbuf_slice(&text));
    strbuf_add_char(&map->warnings, '\n');
    if (map_options.on_warning && pthread_equal(options_thread, pthread_self()))
        map_options.on_warning(text.s);
}

const char *map_warnings(const struct map *map)
{
    return map->warnings.s;
}

void map_warnings_clear(struct map *map)
{
    strbuf_reset(&map->warnings);
}

/* Combined tables open their members in turn; a name must not make that go deep. */
static bool is_nested_too_deep(const char *name)
{
    size_t depth = 0;
    for (; *name; name++) {
        if (*name == '{' && ++depth > NESTING_MAX)
            return true;
        if (*name == '}' && depth > 0)
            depth--;
    }
    return false;
}

/* proxy:type:name is opened here as type:name where the way through proxymap gains nothing
 * (docs/decisions/0012). */
static struct slice without_proxy(const char *type_and_name)
{
    struct slice text = slice_of(type_and_name);
    while (slice_starts(text, "proxy:"))
        text = slice_from(text, strlen("proxy:"));
    return text;
}

static bool is_for_proxy(const struct map_driver *driver, enum map_flags flags)
{
    if (flags & MAP_SENSITIVE)
        return false;
    if (flags & MAP_WRITE)
        return map_options.proxy_write_path != NULL;
    return map_options.proxy_path && (driver->is_remote || map_options.is_jailed);
}

static void dress(struct map *map, const struct map_driver *driver, const char *name,
                  enum map_flags flags)
{
    map->driver = driver;
    map->name = xstrdup(name);
    map->flags = flags;
    map->is_pattern |= driver->is_pattern;
}

struct map *map_open_strict(const char *type_and_name, enum map_flags flags, struct err *err)
{
    struct slice type, name;
    if (!slice_split(without_proxy(type_and_name), ':', &type, &name) || type.len == 0 ||
        name.len == 0) {
        err_set(err, ERR_CONFIG, "open dictionary: expecting \"type:name\" form instead of \"%s\"",
                type_and_name);
        return NULL;
    }
    const struct map_driver *driver = map_driver_find(type, err);
    if (!driver)
        return NULL;
    if (is_nested_too_deep(name.s)) {
        err_set(err, ERR_CONFIG, "nested too deep: table %s", type_and_name);
        return NULL;
    }
    struct slice table = without_proxy(type_and_name);
    bool is_proxied = table.s != type_and_name && is_for_proxy(driver, flags);
    struct map *map =
        is_proxied ? map_proxy_open(table.s, flags, err) : driver->open(name.s, flags, err);
    if (!map)
        return NULL;
    dress(map, driver, type_and_name, flags);
    if (is_proxied || driver->is_remote) {
        map = map_guard_new(map, map_options.remote_timeout_ms);
        dress(map, driver, type_and_name, flags);
    }
    return map;
}

/* The stand-in for a table that did not open. */
struct map_broken {
    struct map map;
    struct err err;
};

static enum map_status broken_find(struct map *map, const char *key, struct strbuf *value,
                                   struct err *err)
{
    (void)key;
    (void)value;
    const struct map_broken *broken = CONTAINER_OF(map, struct map_broken, map);
    err_set(err, broken->err.kind, "%s", broken->err.reason);
    return MAP_FAILED;
}

static void broken_close(struct map *map)
{
    (void)map;
}

static const struct map_driver broken_driver = {.type = "unavailable"};

struct map *map_open(const char *type_and_name, enum map_flags flags)
{
    struct err err = ERR_INIT;
    struct map *map = map_open_strict(type_and_name, flags, &err);
    if (map)
        return map;
    if (map_options.on_unavailable)
        map_options.on_unavailable(err.reason);
    struct map_broken *broken = map_alloc(sizeof *broken);
    broken->err = err;
    broken->map.driver = &broken_driver;
    broken->map.name = xstrdup(type_and_name);
    broken->map.flags = flags;
    broken->map.find = broken_find;
    broken->map.close = broken_close;
    map_warn(&broken->map, "%s is unavailable. %s", type_and_name, err.reason);
    return &broken->map;
}

void map_close(struct map *map)
{
    if (!map)
        return;
    map->close(map);
    strbuf_done(&map->warnings);
    strbuf_done(&map->folded);
    free(map->name);
    free(map);
}

static const char *map_fold_key(struct map *map, const char *key)
{
    enum map_flags wanted = map->driver->has_raw_key ? MAP_FOLD_PATTERN : MAP_FOLD;
    if (!(map->flags & wanted))
        return key;
    strbuf_reset(&map->folded);
    map_fold(&map->folded, slice_of(key), map->flags & MAP_UTF8);
    return map->folded.s;
}

static bool map_key_is_bad(struct map *map, const char *key)
{
    if (!(map->flags & MAP_UTF8) || text_is_utf8(slice_of(key)))
        return false;
    map_warn(map, "%s%s: non-UTF-8 key \"%s\": malformed UTF-8 or invalid codepoint", map->name,
             map->driver->suffix ? map->driver->suffix : "", key);
    return true;
}

enum map_status map_find(struct map *map, const char *key, struct strbuf *value, struct err *err)
{
    if (map_key_is_bad(map, key))
        return MAP_NOT_FOUND; /* the warning says why */
    strbuf_reset(value);
    enum map_status status = map->find(map, map_fold_key(map, key), value, err);
    if (status != MAP_FOUND)
        return status;
    if (value->overflow) {
        err_set(err, ERR_TEMP, "%s: key \"%s\": value too long", map->name, key);
        return MAP_FAILED;
    }
    if ((map->flags & MAP_UTF8) && !text_is_utf8(strbuf_slice(value))) {
        map_warn(map,
                 "%s: key \"%s\": non-UTF-8 value \"%s\": malformed UTF-8 or invalid codepoint",
                 map->name, key, value->s);
        err_set(err, ERR_TEMP, "%s: key \"%s\": value is not UTF-8", map->name, key);
        return MAP_FAILED;
    }
    return MAP_FOUND;
}

bool map_put(struct map *map, const char *key, const char *value, struct err *err)
{
    if (!map->put)
        return err_set(err, ERR_CONFIG, "table %s: update operation is not supported", map->name);
    if (map_key_is_bad(map, key))
        return true; /* left out; the warning says so */
    return map->put(map, map_fold_key(map, key), value, err);
}

enum map_status map_remove(struct map *map, const char *key, struct err *err)
{
    if (!map->remove) {
        err_set(err, ERR_CONFIG, "table %s: delete operation is not supported", map->name);
        return MAP_FAILED;
    }
    if (*key == 0 || map_key_is_bad(map, key))
        return MAP_NOT_FOUND;
    return map->remove(map, map_fold_key(map, key), err);
}

bool map_pause(struct map *map, struct err *err)
{
    return !map->pause || map->pause(map, err);
}

void map_hint(struct map *map, struct slice key)
{
    if (!map->hint)
        return;
    strbuf_reset(&map->folded);
    if (map->flags & (map->driver->has_raw_key ? MAP_FOLD_PATTERN : MAP_FOLD))
        map_fold(&map->folded, key, map->flags & MAP_UTF8);
    else
        strbuf_add_slice(&map->folded, key);
    map->hint(map, map->folded.s);
}

bool map_has_changed(struct map *map)
{
    return map->has_changed && map->has_changed(map);
}
