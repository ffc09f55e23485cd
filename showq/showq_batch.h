/* showq_batch: some messages of one directory, described in a thread. */
#ifndef SHOWQ_SHOWQ_BATCH_H
#define SHOWQ_SHOWQ_BATCH_H

#include "base/strbuf.h"
#include "io/loop.h"

enum { SHOWQ_BATCH_FILES = 50 };

struct showq_batch;

/* FN is called in the loop when frames are ready, never after forget. */
typedef void (*showq_batch_fn)(void *owner, struct showq_batch *b);
struct showq_batch *showq_batch_new(struct loop *loop, showq_batch_fn fn, void *owner);
/* The owner goes: freed now, or when the thread has done with it. NULL is fine. */
void showq_batch_forget(struct showq_batch *b);

/* Begin anew: QUEUE is a constant; PATH is that of a file; DIR_FD of its directory (copied). */
void showq_batch_begin(struct showq_batch *b, const char *queue, const char *path, int dir_fd);
/* False: it is full, or the file stands in another directory. */
bool showq_batch_add(struct showq_batch *b, const char *path);

void showq_batch_run(struct showq_batch *b); /* start the thread's part, or go on with it */
bool showq_batch_is_running(const struct showq_batch *b);
/* Not all files are in the frames: run again when these are sent. */
bool showq_batch_is_cut(const struct showq_batch *b);
/* The frames made by the last run. Warnings are logged. */
struct slice showq_batch_frames(struct showq_batch *b);

#endif
