/*
 * work: a small pool of threads for what only blocks (fsync, libraries without an event interface).
 *
 * A job owns what it touches; it sees no session, no logger, no other job. DONE runs in the loop.
 */
#ifndef IO_WORK_H
#define IO_WORK_H

#include "io/loop.h"

struct work_pool;

struct work_pool *work_pool_new(struct loop *loop, size_t threads);
void work_pool_free(struct work_pool *pool); /* waits for what runs */

/* RUN in a thread, then DONE in the loop, in the order of completion. */
void work_submit(struct work_pool *pool, void (*run)(void *job), void (*done)(void *job),
                 void *job);
/* Wait for all that was submitted, and call DONE for it: before the process ends. */
void work_pool_drain(struct work_pool *pool);
size_t work_pending(const struct work_pool *pool); /* submitted, DONE not yet called */

#endif
