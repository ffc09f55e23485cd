/*
 * map_memory: see the header.
 *
 * The entries lie one behind the other in one piece of text; an open-addressed index has their
 * places in four bytes each. So a million entries cost little more than the file they came from,
 * in each of the processes that have them.
 */
#include "map/map_memory.h"
#include "map/map_fold.h"

#include "base/xmem.h"

/* In front of each entry: key and value, with a NUL behind each, up to a multiple of UNIT. */
struct entry {
    uint32_t key_len : 31, is_dead : 1;
    uint32_t value_len;
};

enum { UNIT = sizeof(uint32_t), INDEX_MIN = 16, WASTE_MIN = 65536 };
enum { FREE = 0, REMOVED = 1, FIRST = 2 }; /* in the index; an entry is FIRST + offset / UNIT */

struct map_memory {
    struct map map;
    struct strbuf text;
    uint32_t *index;
    size_t size;  /* of the index, a power of two; 0: none yet */
    size_t used;  /* places in it that are not free */
    size_t waste; /* bytes of dead entries */
    size_t at;    /* offset of what next() comes to */
};

static struct map_memory *memory_of(struct map *map)
{
    return CONTAINER_OF(map, struct map_memory, map);
}

static struct slice key_of(const struct entry *entry)
{
    return (struct slice){(const char *)(entry + 1), entry->key_len};
}

static struct slice value_of(const struct entry *entry)
{
    return (struct slice){key_of(entry).s + entry->key_len + 1, entry->value_len};
}

static size_t size_of(size_t key_len, size_t value_len)
{
    return (sizeof(struct entry) + key_len + value_len + 2 + UNIT - 1) / UNIT * UNIT;
}

static struct entry *entry_at(const struct strbuf *text, size_t offset)
{
    return (struct entry *)(void *)(text->s + offset);
}

/* The first entry from *OFFSET on that is not dead, and *OFFSET of the one behind it; or NULL. */
static struct entry *step(const struct strbuf *text, size_t *offset)
{
    while (*offset < text->len) {
        struct entry *entry = entry_at(text, *offset);
        *offset += size_of(entry->key_len, entry->value_len);
        if (!entry->is_dead)
            return entry;
    }
    return NULL;
}

/* FNV-1a; what fills a table is the administrator's. */
static size_t hash_of(struct slice key)
{
    uint64_t hash = 14695981039346656037U;
    for (size_t i = 0; i < key.len; i++)
        hash = (hash ^ (unsigned char)key.s[i]) * 1099511628211U;
    return (size_t)(hash ^ hash >> 32);
}

/* Where KEY is in the index, or the free place where it would be. */
static size_t place_of(const struct map_memory *memory, struct slice key)
{
    size_t place = hash_of(key) & (memory->size - 1);
    for (; memory->index[place] != FREE; place = (place + 1) & (memory->size - 1)) {
        uint32_t unit = memory->index[place];
        if (unit != REMOVED &&
            slice_same(key_of(entry_at(&memory->text, (unit - FIRST) * (size_t)UNIT)), key))
            break;
    }
    return place;
}

static struct entry *entry_of(const struct map_memory *memory, size_t place)
{
    size_t unit = memory->index[place];
    return unit == FREE ? NULL : entry_at(&memory->text, (unit - FIRST) * UNIT);
}

static void kill_entry(struct map_memory *memory, struct entry *entry)
{
    entry->is_dead = true;
    memory->waste += size_of(entry->key_len, entry->value_len);
}

/* Leave the dead entries out. */
static void drop_waste(struct map_memory *memory)
{
    struct strbuf old = memory->text;
    size_t old_at = memory->at, offset = 0;
    const struct entry *entry;
    strbuf_init(&memory->text, old.max);
    memory->at = 0;
    while ((entry = step(&old, &offset))) {
        strbuf_add(&memory->text, entry, size_of(entry->key_len, entry->value_len));
        if (offset <= old_at)
            memory->at = memory->text.len;
    }
    memory->waste = 0;
    strbuf_done(&old);
}

/* Room in the index for one more entry, and not more waste than entries. */
static void make_room(struct map_memory *memory)
{
    bool is_wasteful = memory->waste > WASTE_MIN && memory->waste > memory->text.len / 2;
    if (!is_wasteful && 4 * (memory->used + 1) <= 3 * memory->size)
        return;
    if (is_wasteful)
        drop_waste(memory);
    size_t count = 0, offset = 0, here = 0;
    while (step(&memory->text, &offset))
        count++;
    memory->used = count;
    memory->size = INDEX_MIN;
    while (3 * memory->size < 5 * (count + 1))
        memory->size *= 2;
    free(memory->index);
    memory->index = xzalloc(memory->size * sizeof *memory->index);
    offset = 0;
    for (const struct entry *entry; (entry = step(&memory->text, &offset)); here = offset) {
        here = offset - size_of(entry->key_len, entry->value_len);
        memory->index[place_of(memory, key_of(entry))] = (uint32_t)(here / UNIT) + FIRST;
    }
}

static void add_entry(struct map_memory *memory, size_t place, struct slice key, struct slice value)
{
    size_t offset = memory->text.len, size = size_of(key.len, value.len);
    struct entry *entry = (struct entry *)(void *)strbuf_room(&memory->text, size);
    if (!entry || key.len > INT32_MAX || value.len > UINT32_MAX)
        abort(); /* out of memory: a file that fills a table has a limit */
    memset(entry, 0, size);
    entry->key_len = (uint32_t)key.len & INT32_MAX;
    entry->value_len = (uint32_t)value.len;
    memcpy(entry + 1, key.s, key.len);
    memcpy((char *)(entry + 1) + key.len + 1, value.s, value.len);
    strbuf_grew(&memory->text, size);
    memory->index[place] = (uint32_t)(offset / UNIT) + FIRST;
}

bool map_memory_set(struct map *map, struct slice key, struct slice value, bool replace)
{
    struct map_memory *memory = memory_of(map);
    CLEANUP(strbuf_done) struct strbuf folded = STRBUF_ANY;
    if (map->flags & MAP_FOLD) {
        map_fold(&folded, key, map->flags & MAP_UTF8);
        key = strbuf_slice(&folded);
    }
    make_room(memory);
    size_t place = place_of(memory, key);
    struct entry *old = entry_of(memory, place);
    if (!old)
        memory->used++;
    else if (replace)
        kill_entry(memory, old);
    if (!old || replace)
        add_entry(memory, place, key, value);
    return !old;
}

static enum map_status memory_find(struct map *map, const char *key, struct strbuf *value,
                                   struct err *err)
{
    (void)err;
    const struct map_memory *memory = memory_of(map);
    const struct entry *entry =
        memory->size > 0 ? entry_of(memory, place_of(memory, slice_of(key))) : NULL;
    if (!entry)
        return MAP_NOT_FOUND;
    strbuf_add_slice(value, value_of(entry));
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
    size_t place = memory->size > 0 ? place_of(memory, slice_of(key)) : 0;
    struct entry *entry = memory->size > 0 ? entry_of(memory, place) : NULL;
    if (!entry)
        return MAP_NOT_FOUND;
    kill_entry(memory, entry);
    memory->index[place] = REMOVED;
    return MAP_FOUND;
}

static enum map_status memory_next(struct map *map, bool first, struct strbuf *key,
                                   struct strbuf *value, struct err *err)
{
    (void)err;
    struct map_memory *memory = memory_of(map);
    if (first)
        memory->at = 0;
    const struct entry *entry = step(&memory->text, &memory->at);
    if (!entry)
        return MAP_NOT_FOUND;
    strbuf_set_slice(key, key_of(entry));
    strbuf_set_slice(value, value_of(entry));
    return MAP_FOUND;
}

static void memory_close(struct map *map)
{
    struct map_memory *memory = memory_of(map);
    strbuf_done(&memory->text);
    free(memory->index);
}

struct map *map_memory_new(enum map_flags flags)
{
    struct map_memory *memory = map_alloc(sizeof *memory);
    strbuf_init(&memory->text, MIN((size_t)UINT32_MAX * UNIT, SIZE_MAX / 4) - FIRST * UNIT);
    memory->map.flags = flags;
    memory->map.find = memory_find;
    memory->map.put = memory_put;
    memory->map.remove = memory_remove;
    memory->map.next = memory_next;
    memory->map.close = memory_close;
    return &memory->map;
}
