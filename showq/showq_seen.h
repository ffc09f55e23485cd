/* showq_seen: the recipients a log has named, so that the queue file does not name them again. */
#ifndef SHOWQ_SHOWQ_SEEN_H
#define SHOWQ_SHOWQ_SEEN_H

#include "base/arena.h"

struct showq_seen {
    struct arena *arena;
    const char **slots; /* open addressing; a power of two of them */
    size_t slot_count, count, limit;
};

/* At most LIMIT addresses are remembered (0: all). */
void showq_seen_init(struct showq_seen *seen, size_t limit);
void showq_seen_reset(struct showq_seen *seen);
void showq_seen_done(struct showq_seen *seen);
void showq_seen_add(struct showq_seen *seen, const char *address);
bool showq_seen_has(const struct showq_seen *seen, const char *address);

#endif
