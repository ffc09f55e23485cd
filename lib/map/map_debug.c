/*
 * map_debug: "debug:type:name" is the table type:name, and each of its operations is logged.
 *
 * The one place in lib/ that logs on its own: the log is what this table is for.
 */
#include "map/map_drivers.h"

#include "log/log.h"

struct map_debug {
    struct map map;
    struct map *real;
};

static struct map *real_of(struct map *map)
{
    struct map *real = CONTAINER_OF(map, struct map_debug, map)->real;
    real->flags = map->flags; /* postalias changes them for single entries */
    return real;
}

static void pass_warnings(struct map *map, struct map *real)
{
    strbuf_add_str(&map->warnings, map_warnings(real));
    map_warnings_clear(real);
}

static void say(struct map *map, const char *what, const char *key, enum map_status status,
                const char *value)
{
    log_info(NULL, "%s %s: \"%s\" = \"%s\"", map->name, what, key,
             status == MAP_FOUND       ? value
             : status == MAP_NOT_FOUND ? "not_found"
                                       : "error");
    pass_warnings(map, real_of(map));
}

static enum map_status debug_find(struct map *map, const char *key, struct strbuf *value,
                                  struct err *err)
{
    enum map_status status = map_find(real_of(map), key, value, err);
    say(map, "lookup", key, status, value->s);
    return status;
}

static bool debug_put(struct map *map, const char *key, const char *value, struct err *err)
{
    bool ok = map_put(real_of(map), key, value, err);
    say(map, "update", key, ok ? MAP_FOUND : MAP_FAILED, value);
    return ok;
}

static enum map_status debug_remove(struct map *map, const char *key, struct err *err)
{
    enum map_status status = map_remove(real_of(map), key, err);
    say(map, "delete", key, status, "deleted");
    return status;
}

static enum map_status debug_next(struct map *map, bool first, struct strbuf *key,
                                  struct strbuf *value, struct err *err)
{
    struct map *real = real_of(map);
    enum map_status status = real->next(real, first, key, value, err);
    say(map, first ? "first" : "next", status == MAP_FOUND ? key->s : "", status, value->s);
    return status;
}

static bool debug_commit(struct map *map, struct err *err)
{
    struct map *real = real_of(map);
    return real->commit(real, err);
}

static bool debug_has_changed(struct map *map)
{
    return map_has_changed(real_of(map));
}

static void debug_close(struct map *map)
{
    map_close(CONTAINER_OF(map, struct map_debug, map)->real);
}

static struct map *debug_open(const char *name, enum map_flags flags, struct err *err)
{
    struct map *real = map_open_strict(name, flags, err);
    if (!real)
        return NULL;
    struct map_debug *debug = map_alloc(sizeof *debug);
    debug->real = real;
    debug->map.is_pattern = real->is_pattern;
    debug->map.find = debug_find;
    debug->map.put = real->put ? debug_put : NULL;
    debug->map.remove = real->remove ? debug_remove : NULL;
    debug->map.next = real->next ? debug_next : NULL;
    debug->map.commit = real->commit ? debug_commit : NULL;
    debug->map.has_changed = debug_has_changed;
    debug->map.close = debug_close;
    pass_warnings(&debug->map, real);
    return &debug->map;
}

/* The key is folded, if at all, by the real table. */
const struct map_driver map_debug = {.type = "debug", .has_raw_key = true, .open = debug_open};
