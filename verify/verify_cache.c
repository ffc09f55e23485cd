#include "verify/verify_cache.h"

#include "base/argv.h"
#include "base/xmem.h"
#include "config/common_params.h"
#include "map/map.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct verify_cache {
    struct map *map;
};

/* Become the owner of the mail system for a moment, or root again. */
static bool switch_user(uid_t uid, gid_t gid, struct err *err)
{
    bool ok =
        uid == 0 ? seteuid(uid) == 0 && setegid(gid) == 0 : setegid(gid) == 0 && seteuid(uid) == 0;
    return ok || err_set(err, ERR_CONFIG, "cannot act as %s: %s", common_params.mail_owner,
                         strerror(errno));
}

static struct map *open_map(const char *name, struct err *err)
{
    const enum map_flags flags = MAP_WRITE | MAP_KEEP_DUPLICATES_QUIET;
    if (!name[0])
        return map_open_strict("internal:verify", flags, err);
    if (geteuid() != 0)
        return map_open_strict(name, flags, err);
    const struct passwd *owner = getpwnam(common_params.mail_owner);
    if (!owner) {
        err_set(err, ERR_CONFIG, "mail_owner: user %s is not known", common_params.mail_owner);
        return NULL;
    }
    gid_t gid = getegid();
    if (!switch_user(owner->pw_uid, owner->pw_gid, err))
        return NULL;
    struct map *map = map_open_strict(name, flags, err);
    struct err back = ERR_INIT;
    if (switch_user(0, gid, &back))
        return map;
    *err = back;
    map_close(map);
    return NULL;
}

struct verify_cache *verify_cache_open(const char *name, struct err *err)
{
    struct map *map = open_map(name, err);
    if (!map)
        return NULL;
    if (!map->put || !map->remove) {
        err_set(err, ERR_CONFIG, "%s: tables of this type cannot be updated", name);
        map_close(map);
        return NULL;
    }
    struct verify_cache *cache = xzalloc(sizeof *cache);
    cache->map = map;
    return cache;
}

void verify_cache_close(struct verify_cache *cache)
{
    if (!cache)
        return;
    map_close(cache->map);
    free(cache);
}

bool verify_cache_commit(struct verify_cache *cache, struct err *err)
{
    return !cache->map->commit || cache->map->commit(cache->map, err);
}

enum map_status verify_cache_find(struct verify_cache *cache, const char *address,
                                  struct verify_entry *ret, struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
    enum map_status status = map_find(cache->map, address, &value, err);
    if (status == MAP_FOUND && !verify_entry_parse(strbuf_slice(&value), ret))
        return MAP_NOT_FOUND;
    return status;
}

bool verify_cache_put(struct verify_cache *cache, const char *address,
                      const struct verify_entry *entry, struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
    verify_entry_format(entry, &value);
    return map_put(cache->map, address, value.s, err);
}

enum { CLEAN_BATCH = 1000 };

/* Names of dead entries, at most a batch of them; the walk has to end before any is removed. */
static bool find_dead(struct verify_cache *cache, bool (*is_dead)(const struct verify_entry *e),
                      struct argv *ret_keys, size_t *ret_kept, struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf key = STRBUF_ANY, value = STRBUF_ANY;
    struct verify_entry entry = {.text = STRBUF_ANY};
    enum map_status status = MAP_NOT_FOUND;
    bool first = true;
    *ret_kept = 0;
    while (ret_keys->count < CLEAN_BATCH &&
           (status = cache->map->next(cache->map, first, &key, &value, err)) == MAP_FOUND) {
        first = false;
        if (strncmp(key.s, "_LAST_CACHE", 11) == 0) /* Postfix's own note */
            continue;
        if (!verify_entry_parse(strbuf_slice(&value), &entry) || is_dead(&entry))
            argv_add(ret_keys, key.s);
        else
            ++*ret_kept;
    }
    strbuf_done(&entry.text);
    return ret_keys->count == CLEAN_BATCH || status == MAP_NOT_FOUND;
}

bool verify_cache_clean(struct verify_cache *cache, bool (*is_dead)(const struct verify_entry *e),
                        size_t *ret_kept, size_t *ret_dropped, struct err *err)
{
    *ret_dropped = 0;
    if (!cache->map->next)
        return err_set(err, ERR_CONFIG, "%s: tables of this type cannot be listed",
                       cache->map->name);
    for (;;) {
        CLEANUP(argv_done) struct argv keys = ARGV_INIT;
        if (!find_dead(cache, is_dead, &keys, ret_kept, err))
            return false;
        for (size_t i = 0; i < keys.count; i++)
            if (map_remove(cache->map, keys.at[i], err) == MAP_FAILED)
                return false;
        *ret_dropped += keys.count;
        if (keys.count < CLEAN_BATCH)
            return *ret_dropped == 0 || verify_cache_commit(cache, err);
    }
}
