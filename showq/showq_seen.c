#include "showq/showq_seen.h"

enum { FIRST_SLOTS = 16 };

static size_t seen_hash(const char *s)
{
    uint64_t h = 14695981039346656037u; /* FNV-1a; a flood costs one listing, of one message */
    for (; *s; s++)
        h = (h ^ (unsigned char)*s) * 1099511628211u;
    return (size_t)(h ^ h >> 32);
}

void showq_seen_init(struct showq_seen *seen, size_t limit)
{
    *seen = (struct showq_seen){.arena = arena_new("showq_seen"), .limit = limit};
}

void showq_seen_reset(struct showq_seen *seen)
{
    if (seen->slot_count > 0)
        arena_reset(seen->arena);
    seen->slots = NULL;
    seen->slot_count = seen->count = 0;
}

void showq_seen_done(struct showq_seen *seen)
{
    arena_free(seen->arena);
}

/* The slot that holds ADDRESS or would. */
static const char **seen_slot(const struct showq_seen *seen, const char *address)
{
    size_t at = seen_hash(address);
    while (seen->slots[at & (seen->slot_count - 1)] &&
           strcmp(seen->slots[at & (seen->slot_count - 1)], address) != 0)
        at++;
    return &seen->slots[at & (seen->slot_count - 1)];
}

static void seen_grow(struct showq_seen *seen)
{
    struct showq_seen old = *seen;
    seen->slot_count = old.slot_count > 0 ? old.slot_count * 2 : (size_t)FIRST_SLOTS;
    seen->slots = arena_zalloc(seen->arena, seen->slot_count * sizeof *seen->slots);
    for (size_t i = 0; i < old.slot_count; i++)
        if (old.slots[i])
            *seen_slot(seen, old.slots[i]) = old.slots[i];
}

void showq_seen_add(struct showq_seen *seen, const char *address)
{
    if (seen->limit > 0 && seen->count >= seen->limit)
        return;
    if (seen->count * 2 >= seen->slot_count)
        seen_grow(seen);
    const char **slot = seen_slot(seen, address);
    if (*slot)
        return;
    *slot = arena_strdup(seen->arena, address);
    seen->count++;
}

bool showq_seen_has(const struct showq_seen *seen, const char *address)
{
    return seen->count > 0 && *seen_slot(seen, address);
}
