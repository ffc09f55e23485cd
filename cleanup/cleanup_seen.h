/* cleanup_seen: which recipients a message already has, so that each is written once. */
#ifndef CLEANUP_CLEANUP_SEEN_H
#define CLEANUP_CLEANUP_SEEN_H

#include "base/slice.h"

struct cleanup_address_seen;

/* Remembers LIMIT pairs (0: all); later ones pass as new. */
struct cleanup_address_seen *cleanup_seen_new(size_t limit);
void cleanup_seen_free(struct cleanup_address_seen *seen);
/* Was this pair added before? Case does not matter. Adds it. */
bool cleanup_seen_add(struct cleanup_address_seen *seen, const char *original, const char *address);
/* As if this pair had never been added. */
void cleanup_seen_remove(struct cleanup_address_seen *seen, const char *original,
                         const char *address);

#endif
