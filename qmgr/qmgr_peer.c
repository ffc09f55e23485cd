/* Peers: one message's share of one destination, kept in the order of the jobs. */
#include "base/xmem.h"
#include "qmgr/qmgr.h"

/* By rank. A new job ranks last, one that preempts ranks first: look from the nearer end. */
static void peer_insert(struct qmgr_peer *peer)
{
    struct qmgr_queue *q = peer->queue;
    double rank = peer->job->rank;
    if (!q->peers || q->peers->prev->job->rank <= rank) {
        DL_APPEND(q->peers, peer);
        return;
    }
    struct qmgr_peer *at = q->peers;
    while (at->job->rank <= rank)
        at = at->next;
    DL_PREPEND_ELEM(q->peers, at, peer);
}

/* The peers of a queue stand in the order of their jobs, and a growing job is mostly the last. */
static struct qmgr_peer *peer_find(const struct qmgr_job *job, const struct qmgr_queue *q)
{
    if (!q->peers)
        return NULL;
    struct qmgr_peer *peer = q->peers->prev;
    while (peer->job != job && peer->job->rank >= job->rank && peer != q->peers)
        peer = peer->prev;
    return peer->job == job ? peer : NULL;
}

struct qmgr_peer *qmgr_peer_get(struct qmgr_job *job, struct qmgr_queue *q)
{
    struct qmgr_peer *peer = peer_find(job, q);
    if (peer)
        return peer;
    peer = xzalloc(sizeof *peer);
    peer->job = job;
    peer->queue = q;
    DL_APPEND2(job->peers, peer, job_prev, job_next);
    peer_insert(peer);
    return peer;
}

void qmgr_peer_drop_if_unused(struct qmgr_peer *peer)
{
    if (peer->entries)
        return;
    DL_DELETE2(peer->job->peers, peer, job_prev, job_next);
    DL_DELETE(peer->queue->peers, peer);
    free(peer);
}

void qmgr_peer_reorder(struct qmgr_peer *peer)
{
    DL_DELETE(peer->queue->peers, peer);
    peer_insert(peer);
    qmgr_queue_changed(peer->queue);
}
