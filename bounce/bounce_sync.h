/*
 * bounce_sync: appended status on stable storage before the asker hears of it.
 *
 * A failed recipient is marked done in the queue file when its status is in the log. A power cut
 * that keeps the mark and loses the log would lose the mail without a word; the logs of defer and
 * trace guard nothing of the kind, so only bounce's are synced.
 */
#ifndef BOUNCE_BOUNCE_SYNC_H
#define BOUNCE_BOUNCE_SYNC_H

#include "base/err.h"
#include "io/loop.h"

void bounce_sync_start(struct loop *loop);
void bounce_sync_stop(void); /* waits for what runs; nobody is told any more */
bool bounce_sync_is_needed(const char *log);

/* Sync the log of QUEUE_ID in a thread, then call FN in the loop; ERR is NULL when it went well. */
typedef void (*bounce_sync_fn)(void *owner, const struct err *err);
void bounce_sync(const char *log, const char *queue_id, bounce_sync_fn fn, void *owner);

#endif
