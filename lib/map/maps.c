/* maps: see the header. */
#include "map/maps.h"

#include "base/xmem.h"
#include "config/common_params.h"

struct maps {
    char *title;
    struct map **at;
    size_t count;
    struct strbuf warnings;
    void (*observer)(void *ctx, const struct maps_step *step);
    void *observer_ctx;
};

struct maps *maps_open(const char *title, const char *list, enum map_flags flags)
{
    struct maps *maps = xzalloc(sizeof *maps);
    if ((flags & MAP_FOLD) && common_params.smtputf8_enable)
        flags |= MAP_UTF8; /* header and body checks, which do not fold, see all bytes */
    maps->title = xstrdup(title);
    strbuf_init(&maps->warnings, (size_t)256 * 1024);
    struct slice in = slice_of(list), item;
    while (slice_next_item(&in, &item)) {
        CLEANUP(xfree_ptr) char *name = slice_dup(item);
        maps->at = xrealloc_array(maps->at, maps->count + 1, sizeof *maps->at);
        maps->at[maps->count++] = map_open(name, flags);
    }
    return maps;
}

void maps_close(struct maps *maps)
{
    if (!maps)
        return;
    for (size_t i = 0; i < maps->count; i++)
        map_close(maps->at[i]);
    strbuf_done(&maps->warnings);
    free(maps->at);
    free(maps->title);
    free(maps);
}

bool maps_is_empty(const struct maps *maps)
{
    return !maps || maps->count == 0;
}

const char *maps_title(const struct maps *maps)
{
    return maps->title;
}

bool maps_have_changed(struct maps *maps)
{
    for (size_t i = 0; maps && i < maps->count; i++)
        if (map_has_changed(maps->at[i]))
            return true;
    return false;
}

const char *maps_warnings(struct maps *maps)
{
    if (!maps)
        return "";
    strbuf_reset(&maps->warnings);
    for (size_t i = 0; i < maps->count; i++) {
        strbuf_add_str(&maps->warnings, map_warnings(maps->at[i]));
        map_warnings_clear(maps->at[i]);
    }
    return maps->warnings.s;
}

void maps_observe(struct maps *maps, void (*fn)(void *ctx, const struct maps_step *step), void *ctx)
{
    maps->observer = fn;
    maps->observer_ctx = ctx;
}

static void tell_observer(const struct maps *maps, const struct map *map, const char *key,
                          bool was_asked, enum map_status status, const struct strbuf *value,
                          const struct err *err)
{
    struct maps_step step = {map->name, key, value->s, was_asked, status, err};
    if (maps->observer)
        maps->observer(maps->observer_ctx, &step);
}

static enum map_status failed(const struct maps *maps, const struct map *map, const char *key,
                              struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf where = STRBUF_INIT(300);
    strbuf_addf(&where, "%s: table %s: lookup of \"%s\"", maps->title, map->name, key);
    err_prefix(err, where.s);
    return MAP_FAILED;
}

enum map_status maps_find_in(struct maps *maps, const char *key, enum maps_key kind,
                             struct strbuf *value, const char **ret_table, struct err *err)
{
    for (size_t i = 0; maps && i < maps->count; i++) {
        struct map *map = maps->at[i];
        if (kind == MAPS_PARTIAL_KEY && map->is_pattern) {
            tell_observer(maps, map, key, false, MAP_NOT_FOUND, value, err);
            continue;
        }
        enum map_status status = map_find(map, key, value, err);
        tell_observer(maps, map, key, true, status, value, err);
        if (status == MAP_NOT_FOUND)
            continue;
        if (status == MAP_FOUND && value->len == 0) {
            err_set(err, ERR_CONFIG, "empty string result is not allowed");
            status = MAP_FAILED;
        }
        if (status == MAP_FAILED)
            return failed(maps, map, key, err);
        *ret_table = map->name;
        return MAP_FOUND;
    }
    return MAP_NOT_FOUND;
}

enum map_status maps_find(struct maps *maps, const char *key, enum maps_key kind,
                          struct strbuf *value, struct err *err)
{
    const char *table;
    return maps_find_in(maps, key, kind, value, &table, err);
}
