/* map_combined: tables made of tables, unionmap and pipemap, and of plain values, randmap. */
#include "map/map_braces.h"
#include "map/map_drivers.h"

#include "base/argv.h"
#include "base/xmem.h"

#include <sys/random.h>

struct map_combined {
    struct map map;
    struct map **members; /* of unionmap and pipemap */
    size_t count;
    struct argv values; /* of randmap */
    struct strbuf one, two;
};

static struct map_combined *combined_of(struct map *map)
{
    return CONTAINER_OF(map, struct map_combined, map);
}

static void combined_close(struct map *map)
{
    struct map_combined *combined = combined_of(map);
    for (size_t i = 0; i < combined->count; i++)
        map_close(combined->members[i]);
    free(combined->members);
    argv_done(&combined->values);
    strbuf_done(&combined->one);
    strbuf_done(&combined->two);
}

static bool combined_has_changed(struct map *map)
{
    struct map_combined *combined = combined_of(map);
    for (size_t i = 0; i < combined->count; i++)
        if (map_has_changed(combined->members[i]))
            return true;
    return false;
}

static bool add_member(struct map_combined *combined, struct slice item, struct err *err)
{
    CLEANUP(xfree_ptr) char *name = slice_dup(item);
    struct map *member = map_open_strict(name, combined->map.flags, err);
    if (!member)
        return false;
    combined->members =
        xrealloc_array(combined->members, combined->count + 1, sizeof *combined->members);
    combined->members[combined->count++] = member;
    combined->map.is_pattern |= member->is_pattern;
    strbuf_add_str(&combined->map.warnings, map_warnings(member));
    return true;
}

static struct map *combined_open(const char *type, const char *need, const char *name,
                                 enum map_flags flags, struct err *err)
{
    struct map_combined *combined = map_alloc(sizeof *combined);
    strbuf_init(&combined->one, SIZE_MAX / 4);
    strbuf_init(&combined->two, SIZE_MAX / 4);
    combined->map.flags = flags & ~(enum map_flags)(MAP_WRITE | MAP_REBUILD);
    combined->map.close = combined_close;
    combined->map.has_changed = combined_has_changed;

    struct slice items, item;
    bool takes_tables = !slice_eq(slice_of(type), "randmap");
    bool well_formed = map_braces_strip(slice_of(name), &items, NULL), ok = true;
    while (well_formed && ok && slice_next_item(&items, &item)) {
        if (!takes_tables)
            argv_add_slice(&combined->values, item);
        else if (slice_find(item, ':') == SIZE_MAX)
            well_formed = false;
        else
            ok = add_member(combined, item, err);
    }
    if (ok && well_formed && combined->count + combined->values.count > 0)
        return &combined->map;
    if (ok)
        err_set(err, ERR_CONFIG, "bad syntax: \"%s:%s\"; need \"%s:{%s...}\"", type, name, type,
                need);
    map_close(&combined->map);
    return NULL;
}

/* unionmap: the values of all members that have the key */

static enum map_status unionmap_find(struct map *map, const char *key, struct strbuf *value,
                                     struct err *err)
{
    struct map_combined *combined = combined_of(map);
    bool found = false;
    for (size_t i = 0; i < combined->count; i++) {
        enum map_status status = map_find(combined->members[i], key, &combined->one, err);
        if (status == MAP_FAILED)
            return MAP_FAILED;
        if (status == MAP_NOT_FOUND)
            continue;
        if (found)
            strbuf_add_char(value, ',');
        strbuf_add_slice(value, strbuf_slice(&combined->one));
        found = true;
    }
    return found ? MAP_FOUND : MAP_NOT_FOUND;
}

static struct map *unionmap_open(const char *name, enum map_flags flags, struct err *err)
{
    struct map *map = combined_open("unionmap", "type:name", name, flags, err);
    if (map)
        map->find = unionmap_find;
    return map;
}

/* members fold the key as their own type wants it */
const struct map_driver map_unionmap = {
    .type = "unionmap", .has_raw_key = true, .open = unionmap_open};

/* pipemap: the value of one member is the key for the next */

static enum map_status pipemap_find(struct map *map, const char *key, struct strbuf *value,
                                    struct err *err)
{
    struct map_combined *combined = combined_of(map);
    strbuf_set(&combined->one, key);
    for (size_t i = 0; i < combined->count; i++) {
        enum map_status status =
            map_find(combined->members[i], combined->one.s, &combined->two, err);
        if (status != MAP_FOUND)
            return status;
        strbuf_set_slice(&combined->one, strbuf_slice(&combined->two));
    }
    strbuf_add_slice(value, strbuf_slice(&combined->one));
    return MAP_FOUND;
}

static struct map *pipemap_open(const char *name, enum map_flags flags, struct err *err)
{
    struct map *map = combined_open("pipemap", "type:name", name, flags, err);
    if (map)
        map->find = pipemap_find;
    return map;
}

const struct map_driver map_pipemap = {
    .type = "pipemap", .has_raw_key = true, .open = pipemap_open};

/* randmap: any of the values, whatever the key */

static enum map_status randmap_find(struct map *map, const char *key, struct strbuf *value,
                                    struct err *err)
{
    (void)key;
    struct map_combined *combined = combined_of(map);
    uint64_t number;
    if (getrandom(&number, sizeof number, 0) != sizeof number) {
        err_set(err, ERR_TEMP, "%s: no random numbers", map->name);
        return MAP_FAILED;
    }
    strbuf_add_str(value, combined->values.at[number % combined->values.count]);
    return MAP_FOUND;
}

static struct map *randmap_open(const char *name, enum map_flags flags, struct err *err)
{
    struct map *map = combined_open("randmap", "value", name, flags, err);
    if (map)
        map->find = randmap_find;
    return map;
}

const struct map_driver map_randmap = {
    .type = "randmap", .is_pattern = true, .has_raw_key = true, .open = randmap_open};
