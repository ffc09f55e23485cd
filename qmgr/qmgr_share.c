/*
 * How the destinations of a transport share its slots, the deliveries that master.cf's process
 * limit allows at once.
 *
 * A destination may start another delivery only while it has fewer under way than there are free
 * slots (the dynamic thresholds of shared packet buffers). K destinations that take all they can
 * get then have limit/(K+1) each, and as much is left: a destination that has nothing under way
 * finds a slot at once, however slow the others are. Until the first delivery of a destination has
 * ended, nobody knows how slow it is, and it gets an eighth of that; so thirty of them that come
 * one after the other, each with a lot of mail, leave room too.
 * docs/decisions/0016-sharing-delivery-slots.md
 */
#include "qmgr/qmgr.h"

/* One or two destinations may use every slot: a relayhost must not pay for the others' sake. */
enum { SHARED_FROM = 3, UNTRIED_PART = 8 };

bool qmgr_share_allows(size_t limit, unsigned busy, unsigned in_use, unsigned mine, bool is_tried)
{
    if (limit == 0 || in_use < SHARED_FROM || mine == 0)
        return true;
    return busy + (size_t)mine * (is_tried ? 1 : UNTRIED_PART) < limit;
}

static bool is_allowed(const struct qmgr_queue *q)
{
    const struct qmgr_transport *t = q->transport;
    return qmgr_share_allows(t->conn_limit, t->busy, t->in_use, q->busy, q->window.is_tried);
}

bool qmgr_share_admits(struct qmgr_queue *q, bool is_ready)
{
    bool ok = is_allowed(q);
    bool is_held = is_ready && !ok;
    if (is_held && !q->is_held)
        DL_APPEND(q->transport->held, q);
    else if (q->is_held && !is_held)
        DL_DELETE(q->transport->held, q);
    q->is_held = is_held;
    return is_ready && ok;
}

/* There is more to share: back into the heap with those that may go on. At most as many are held as
 * there are deliveries under way. */
static void release_held(struct qmgr_transport *t)
{
    struct qmgr_queue *q, *next;
    DL_FOREACH_SAFE (t->held, q, next)
        if (is_allowed(q))
            qmgr_queue_changed(q);
}

void qmgr_share_count(struct qmgr_queue *q)
{
    struct qmgr_transport *t = q->transport;
    bool is_in_use = q->todo > 0 || q->busy > 0;
    if (is_in_use == q->is_in_use)
        return;
    q->is_in_use = is_in_use;
    t->in_use += is_in_use ? 1 : -1U;
    if (!is_in_use && t->in_use < SHARED_FROM)
        release_held(t);
}

bool qmgr_share_find_ready(struct qmgr_transport *t)
{
    while (t->heap_count > 0) {
        struct qmgr_queue *q = t->heap[0];
        if (qmgr_share_admits(q, true))
            return true;
        qmgr_heap_update(t, q, false);
    }
    return false;
}

void qmgr_share_order_done(struct qmgr_transport *t)
{
    t->busy--;
    release_held(t);
}
