#include "base/arena.h"

#include "base/xmem.h"

#include <stdarg.h>
#include <stdalign.h>

enum { ARENA_BLOCK = 1024, ARENA_BLOCK_MAX = 64 * 1024 };

struct block {
    struct block *next;
    size_t used, size;
    alignas(max_align_t) char data[];
};

struct arena {
    const char *name;
    struct block *head;
    size_t handed_out, next_size;
};

struct arena *arena_new(const char *name)
{
    struct arena *arena = xzalloc(sizeof *arena);
    arena->name = name;
    arena->next_size = ARENA_BLOCK;
    return arena;
}

static void arena_free_blocks(struct block *block)
{
    while (block) {
        struct block *next = block->next;
        free(block);
        block = next;
    }
}

void arena_free(struct arena *arena)
{
    if (!arena)
        return;
    arena_free_blocks(arena->head);
    free(arena);
}

void arena_free_ptr(struct arena **arena)
{
    arena_free(*arena);
    *arena = NULL;
}

void arena_reset(struct arena *arena)
{
    arena_free_blocks(arena->head);
    arena->head = NULL;
    arena->handed_out = 0;
    arena->next_size = ARENA_BLOCK;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    size_t align = alignof(max_align_t);
    size_t need = (MAX(size, (size_t)1) + align - 1) & ~(align - 1);
    struct block *block = arena->head;
    if (!block || block->size - block->used < need) {
        size_t room = MAX(need, arena->next_size);
        block = xmalloc(sizeof *block + room);
        block->next = arena->head;
        block->used = 0;
        block->size = room;
        arena->head = block;
        arena->next_size = MIN(arena->next_size * 2, (size_t)ARENA_BLOCK_MAX);
    }
    void *p = block->data + block->used;
    block->used += need;
    arena->handed_out += need;
    return p;
}

void *arena_zalloc(struct arena *arena, size_t size)
{
    return memset(arena_alloc(arena, size), 0, size);
}

char *arena_slice_dup(struct arena *arena, struct slice a)
{
    char *p = arena_alloc(arena, a.len + 1);
    memcpy(p, a.s, a.len);
    p[a.len] = 0;
    return p;
}

char *arena_strdup(struct arena *arena, const char *s)
{
    return arena_slice_dup(arena, slice_of(s));
}

char *arena_printf(struct arena *arena, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int len = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *p = arena_alloc(arena, (size_t)MAX(len, 0) + 1);
    vsnprintf(p, (size_t)MAX(len, 0) + 1, fmt, again);
    va_end(again);
    return p;
}

size_t arena_size(const struct arena *arena)
{
    return arena->handed_out;
}
