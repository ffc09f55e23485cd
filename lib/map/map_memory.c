/* map_memory: see the header. */
#include "map/map_memory.h"
#include "map/map_fold.h"

#include "base/xmem.h"

#define uthash_fatal(text) abort()
#include <uthash.h>

struct memory_entry {
    UT_hash_handle hh;
    char *key, *value;
};

struct map_memory {
    struct map map;
    struct memory_entry *entries;
    struct memory_entry *at; /* of next() */
};

static struct map_memory *memory_of(struct map *map)
{
    return CONTAINER_OF(map, struct map_memory, map);
}

static struct memory_entry *memory_get(struct map_memory *memory, struct slice key)
{
    struct memory_entry *entry;
    HASH_FIND(hh, memory->entries, key.s, key.len, entry);
    return entry;
}

static void entry_free(struct memory_entry *entry)
{
    free(entry->key);
    free(entry->value);
    free(entry);
}

bool map_memory_set(struct map *map, struct slice key, struct slice value, bool replace)
{
    struct map_memory *memory = memory_of(map);
    CLEANUP(strbuf_done) struct strbuf folded = STRBUF_ANY;
    if (map->flags & MAP_FOLD) {
        map_fold(&folded, key, map->flags & MAP_UTF8);
        key = strbuf_slice(&folded);
    }
    struct memory_entry *entry = memory_get(memory, key);
    if (entry) {
        if (replace) {
            free(entry->value);
            entry->value = slice_dup(value);
        }
        return false;
    }
    entry = xzalloc(sizeof *entry);
    entry->key = slice_dup(key);
    entry->value = slice_dup(value);
    HASH_ADD_KEYPTR(hh, memory->entries, entry->key, key.len, entry);
    return true;
}

static enum map_status memory_find(struct map *map, const char *key, struct strbuf *value,
                                   struct err *err)
{
    (void)err;
    struct memory_entry *entry = memory_get(memory_of(map), slice_of(key));
    if (!entry)
        return MAP_NOT_FOUND;
    strbuf_add_str(value, entry->value);
    return MAP_FOUND;
}

static bool memory_put(struct map *map, const char *key, const char *value, struct err *err)
{
    (void)err;
    map_memory_set(map, slice_of(key), slice_of(value), true);
    return true;
}

static enum map_status memory_remove(struct map *map, const char *key, struct err *err)
{
    (void)err;
    struct map_memory *memory = memory_of(map);
    struct memory_entry *entry = memory_get(memory, slice_of(key));
    if (!entry)
        return MAP_NOT_FOUND;
    if (entry == memory->at) /* next() goes on from the one before it, or begins anew */
        memory->at = entry->hh.prev;
    HASH_DEL(memory->entries, entry);
    entry_free(entry);
    return MAP_FOUND;
}

static enum map_status memory_next(struct map *map, bool first, struct strbuf *key,
                                   struct strbuf *value, struct err *err)
{
    (void)err;
    struct map_memory *memory = memory_of(map);
    memory->at = first || !memory->at ? memory->entries : memory->at->hh.next;
    if (!memory->at)
        return MAP_NOT_FOUND;
    strbuf_set(key, memory->at->key);
    strbuf_set(value, memory->at->value);
    return MAP_FOUND;
}

static void memory_close(struct map *map)
{
    struct map_memory *memory = memory_of(map);
    struct memory_entry *entry = memory->entries, *next;
    HASH_CLEAR(hh, memory->entries); /* the entries stay linked */
    for (; entry; entry = next) {
        next = entry->hh.next;
        entry_free(entry);
    }
}

struct map *map_memory_new(enum map_flags flags)
{
    struct map_memory *memory = map_alloc(sizeof *memory);
    memory->map.flags = flags;
    memory->map.find = memory_find;
    memory->map.put = memory_put;
    memory->map.remove = memory_remove;
    memory->map.next = memory_next;
    memory->map.close = memory_close;
    return &memory->map;
}
