/*
 * qmgr_index: deferred messages by the time of their next attempt; 32 bytes each (more when the id
 * has more than 23 characters), so a million of them take 32 MB.
 */
#ifndef QMGR_INDEX_H
#define QMGR_INDEX_H

#include "base/base.h"

enum { INDEX_ID_SIZE = 24 };

struct qmgr_index_item {
    int64_t when_s;         /* 0: now, whatever the file's time stamp says */
    char id[INDEX_ID_SIZE]; /* first byte 0: a pointer to a longer one follows at byte 8 */
};

struct qmgr_index {
    struct qmgr_index_item *items; /* a heap, the earliest on top */
    size_t count, capacity;
};

void qmgr_index_done(struct qmgr_index *index);
void qmgr_index_add(struct qmgr_index *index, int64_t when_s, const char *id);
/* Take the earliest one that is due at NOW_S; false: none is. RET_ID: at least QUEUE_ID_MAX + 1
 * bytes. */
bool qmgr_index_take(struct qmgr_index *index, int64_t now_s, int64_t *ret_when_s, char *ret_id);
void qmgr_index_all_due(struct qmgr_index *index);
/* Add to TO what FROM has with the time 0. */
void qmgr_index_copy_flushed(const struct qmgr_index *from, struct qmgr_index *to);

#endif
