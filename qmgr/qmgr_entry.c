/* Entries: recipients of one message for one destination, as many as one delivery may have. */
#include "base/xmem.h"
#include "qmgr/qmgr.h"

static void entry_link(struct qmgr_entry *e, struct qmgr_queue *q)
{
    struct qmgr_job *job = qmgr_job_get(e->message, q->transport);
    job->todo++;
    q->todo++;
    e->queue = q;
    e->peer = qmgr_peer_get(job, q);
    DL_APPEND(e->peer->entries, e);
    q->transport->recipients_in_memory += e->recipient_count;
    qmgr_queue_changed(q);
    qmgr_deliver_run(q->transport);
}

void qmgr_entry_new(struct qmgr_message *m, struct qmgr_queue *q, struct qmgr_batch *batch,
                    struct recipient *recipients, uint32_t count)
{
    struct qmgr_entry *e = xzalloc(sizeof *e);
    e->message = m;
    e->batch = batch;
    e->recipients = recipients;
    e->recipient_count = count;
    batch->entries++;
    qmgr_active_hold(m);
    entry_link(e, q);
}

void qmgr_entry_unlink(struct qmgr_entry *e)
{
    struct qmgr_peer *peer = e->peer;
    struct qmgr_job *job = peer->job;
    DL_DELETE(peer->entries, e);
    e->peer = NULL;
    job->todo--;
    e->queue->todo--;
    qmgr_peer_drop_if_unused(peer);
    qmgr_job_drop_if_unused(job);
    qmgr_queue_changed(e->queue);
}

/* Off its queue for good. */
static void entry_leave(struct qmgr_entry *e)
{
    struct qmgr_queue *q = e->queue;
    q->transport->recipients_in_memory -= e->recipient_count;
    q->busy--;
    e->queue = NULL;
    qmgr_queue_changed(q);
    qmgr_deliver_run(q->transport);
    qmgr_queue_drop_if_unused(q);
}

void qmgr_entry_move(struct qmgr_entry *e, struct qmgr_queue *to)
{
    /* first the new place, so that leaving the old one cannot free TO */
    struct qmgr_queue *from = e->queue;
    from->transport->recipients_in_memory -= e->recipient_count;
    entry_link(e, to);
    from->busy--;
    qmgr_queue_changed(from);
    qmgr_deliver_run(from->transport);
    qmgr_queue_drop_if_unused(from);
}

void qmgr_entry_done(struct qmgr_entry *e)
{
    struct qmgr_message *m = e->message;
    struct qmgr_batch *batch = e->batch;
    entry_leave(e);
    m->recipient_count -= e->recipient_count;
    qmgr_message_recipients_gone(e->recipient_count);
    free(e);
    if (--batch->entries == 0) {
        arena_free(batch->arena);
        free(batch);
    }
    qmgr_active_release(m);
}
