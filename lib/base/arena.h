/*
 * arena: memory of one unit of work (a session, a transaction, a request), freed in one line.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/slice.h"

struct arena;

struct arena *arena_new(const char *name); /* NAME must live as long as the arena */
void arena_free(struct arena *arena);
void arena_free_ptr(struct arena **arena); /* for CLEANUP(arena_free_ptr) */
void arena_reset(struct arena *arena); /* everything allocated so far is gone; the arena stays */

void *arena_alloc(struct arena *arena, size_t size);
void *arena_zalloc(struct arena *arena, size_t size);
char *arena_strdup(struct arena *arena, const char *s);
char *arena_slice_dup(struct arena *arena, struct slice a); /* NUL-terminated */
char *arena_printf(struct arena *arena, const char *fmt, ...) PRINTF(2, 3);
size_t arena_size(const struct arena *arena); /* bytes handed out */

#endif
