/*
 * cleanup_sync: files become durable, on threads of its own; many by one call when many wait.
 *
 * Each fsync() makes the disk write the file's data, its inode, its directory and flush its cache.
 * When a dozen files wait for that, one syncfs() does it for all of them at a third of the cost. It
 * also writes what other programs have changed on the file system, so it is only used while that is
 * little (docs/decisions/0024).
 */
#ifndef CLEANUP_CLEANUP_SYNC_H
#define CLEANUP_CLEANUP_SYNC_H

#include "io/loop.h"

/* Before the jail: look at the file system of the queue (the working directory). */
void cleanup_sync_prepare(void);
void cleanup_sync_start(struct loop *loop);
void cleanup_sync_stop(void); /* waits for what is under way */

/* Make what was written to FD durable and close it; then DONE with 0 or an errno. */
void cleanup_sync(int fd, void (*done)(void *owner, int error), void *owner);

#endif
