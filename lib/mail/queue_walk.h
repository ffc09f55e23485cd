/*
 * queue_walk: the files of one queue, hashed or not, in the order the directory gives them.
 *
 * A directory whose name is one character is a hash level and is gone into; every other name is
 * handed out, whatever it is. Files may come, go and move meanwhile.
 */
#ifndef MAIL_QUEUE_WALK_H
#define MAIL_QUEUE_WALK_H

#include "base/err.h"
#include "base/strbuf.h"

struct queue_walk;

/* NULL with ERR: the queue's directory cannot be read. */
struct queue_walk *queue_walk_new(const char *queue, struct err *err);
void queue_walk_free(struct queue_walk *walk); /* NULL is fine */

enum queue_walk_step {
    QUEUE_WALK_FILE,    /* RET_NAME in queue_walk_path() */
    QUEUE_WALK_LEAVING, /* a hash directory was seen to its end; queue_walk_path() is its path */
    QUEUE_WALK_FAILED,  /* a hash directory cannot be read (ERR); the walk goes on without it */
    QUEUE_WALK_END,
};
enum queue_walk_step queue_walk_next(struct queue_walk *walk, const char **ret_name,
                                     struct err *err);
/* Of what the last step gave, from the queue directory on: "deferred/E/E80E4AA8173". */
const char *queue_walk_path(const struct queue_walk *walk);
int queue_walk_dir_fd(const struct queue_walk *walk); /* the directory being read */
/* Hash levels above that directory; 0: it is the queue itself. */
int queue_walk_depth(const struct queue_walk *walk);

#endif
