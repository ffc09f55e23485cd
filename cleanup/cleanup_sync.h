/*
 * cleanup_sync: new queue files become durable, on threads of its own.
 *
 * A file that waits for nobody gets an fsync(), as long as the journal is empty. When others wait,
 * they go through the journal together, which costs the disk one write (mail/queue_journal.h,
 * docs/decisions/0024). DONE comes when the one or the other has returned.
 */
#ifndef CLEANUP_CLEANUP_SYNC_H
#define CLEANUP_CLEANUP_SYNC_H

#include "io/loop.h"

/* Before the jail: what the working directory, the queue, allows. */
void cleanup_sync_prepare(void);
void cleanup_sync_start(struct loop *loop);
void cleanup_sync_stop(void); /* waits for what is under way, and forgets the journal's entries */

/* Make the file of SIZE bytes at FD durable and close it; then DONE with 0 or an errno. It is
 * QUEUE/ID (valid until DONE), complete, and will not change but for deliveries. */
void cleanup_sync(int fd, size_t size, const char *queue, const char *id,
                  void (*done)(void *owner, int error), void *owner);

#endif
