/*
 * The ready queues of a transport in a heap: on top the one whose first peer's job goes first;
 * among queues of one job the one served longest ago. What is blocked is not in the heap, so
 * thousands of messages for slow destinations cost nothing when the next entry is looked for.
 */
#include "base/xmem.h"
#include "qmgr/qmgr.h"

static bool goes_before(const struct qmgr_queue *a, const struct qmgr_queue *b)
{
    double rank_a = a->peers->job->rank, rank_b = b->peers->job->rank;
    return rank_a < rank_b || (rank_a <= rank_b && a->served < b->served);
}

static void put(struct qmgr_transport *t, size_t at, struct qmgr_queue *q)
{
    t->heap[at] = q;
    q->heap_at = at + 1;
}

static void sift_up(struct qmgr_transport *t, size_t at)
{
    struct qmgr_queue *q = t->heap[at];
    for (; at > 0 && goes_before(q, t->heap[(at - 1) / 2]); at = (at - 1) / 2)
        put(t, at, t->heap[(at - 1) / 2]);
    put(t, at, q);
}

static void sift_down(struct qmgr_transport *t, size_t at)
{
    struct qmgr_queue *q = t->heap[at];
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= t->heap_count)
            break;
        if (child + 1 < t->heap_count && goes_before(t->heap[child + 1], t->heap[child]))
            child++;
        if (!goes_before(t->heap[child], q))
            break;
        put(t, at, t->heap[child]);
        at = child;
    }
    put(t, at, q);
}

static void heap_remove(struct qmgr_transport *t, struct qmgr_queue *q)
{
    size_t at = q->heap_at - 1;
    q->heap_at = 0;
    struct qmgr_queue *last = t->heap[--t->heap_count];
    if (last == q)
        return;
    put(t, at, last);
    sift_up(t, at);
    sift_down(t, last->heap_at - 1);
}

void qmgr_heap_update(struct qmgr_transport *t, struct qmgr_queue *q, bool is_ready)
{
    if (!is_ready) {
        if (q->heap_at)
            heap_remove(t, q);
        return;
    }
    if (!q->heap_at) {
        if (t->heap_count == t->heap_capacity) {
            t->heap_capacity = MAX(t->heap_capacity * 2, (size_t)16);
            t->heap = xrealloc_array(t->heap, t->heap_capacity, sizeof(struct qmgr_queue *));
        }
        put(t, t->heap_count++, q);
    }
    sift_up(t, q->heap_at - 1);
    sift_down(t, q->heap_at - 1);
}
