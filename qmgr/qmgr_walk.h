/* qmgr_walk: the queue ids of one queue, hashed or not, one at a time. */
#ifndef QMGR_WALK_H
#define QMGR_WALK_H

#include "base/base.h"

struct qmgr_walk;

struct qmgr_walk *qmgr_walk_new(const char *queue);
void qmgr_walk_free(struct qmgr_walk *w);
/* The next id, valid until the next call; NULL at the end. */
const char *qmgr_walk_next(struct qmgr_walk *w);

#endif
