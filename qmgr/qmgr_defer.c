/*
 * Recipients that are not delivered now: they go to the transports retry and error, which log and
 * report them like any delivery. When retry itself does not work, qmgr puts them into the defer log
 * itself.
 */
#include "base/xmem.h"
#include "config/common_params.h"
#include "delivery/delivery_flush.h"
#include "delivery/delivery_log.h"
#include "qmgr/qmgr.h"

#include <string.h>

#define RETRY_TRANSPORT "retry"

static struct qmgr_queue *text_queue(const char *transport, const char *dsn, const char *text)
{
    CLEANUP(xfree_ptr) char *nexthop = xasprintf("%s %s", dsn, text);
    return qmgr_queue_get(qmgr_transport_get(transport), nexthop, nexthop);
}

struct qmgr_queue *qmgr_defer_queue(const char *dsn, const char *text)
{
    return text_queue(RETRY_TRANSPORT, dsn, text);
}

struct qmgr_queue *qmgr_error_queue(const char *dsn, const char *text)
{
    struct qmgr_transport *t = qmgr_transport_get(common_params.error_service_name);
    if (t->is_dead)
        return qmgr_defer_queue("4.3.0", "mail transport unavailable");
    return text_queue(common_params.error_service_name, dsn, text);
}

bool qmgr_defer_is_last_resort(const struct qmgr_transport *t)
{
    return strcmp(t->name, RETRY_TRANSPORT) == 0;
}

/* Without the transport retry: one recipient after the other into the defer log. */
struct deferral {
    struct qmgr_entry *entry;
    uint32_t at;
    char *dsn, *text;
};

static void deferral_next(struct deferral *d);

static void deferral_free(struct deferral *d)
{
    struct qmgr_entry *e = d->entry;
    free(d->dsn);
    free(d->text);
    free(d);
    qmgr_entry_done(e);
}

static void deferral_log(const struct deferral *d, const struct recipient *rcpt)
{
    struct qmgr_message *m = d->entry->message;
    struct delivery_job job = {.envelope = m->env};
    int64_t now_us = delivery_wall_us();
    qmgr_message_tag(m->id, &job.log);
    job.request.active_at_us = m->active_us;
    job.request.sent_at_us = now_us;
    const struct delivery_outcome outcome = {.dsn = d->dsn, .relay = "none", .text = d->text};
    delivery_log_outcome(&job, rcpt, &outcome, "deferred", now_us);
}

static void on_answer(void *owner, uint16_t kind, struct slice body, const struct err *err)
{
    struct deferral *d = owner;
    struct err why = ERR_INIT;
    /* A status that is not in the log is missing in reports; the recipient stays in the queue
     * either way. */
    if (!bounce_client_answer(kind, body, err, &why))
        log_warn(NULL, "%s service failure: %s", bounce_client_name(DEFER_SERVICE), why.reason);
    deferral_log(d, &d->entry->recipients[d->at]);
    delivery_flush_add(d->entry->message->id, &d->entry->recipients[d->at]);
    d->at++;
    deferral_next(d);
}

static void deferral_next(struct deferral *d)
{
    if (d->at == d->entry->recipient_count) {
        deferral_free(d);
        return;
    }
    struct delivery_status status = {.dsn = d->dsn, .action = "delayed", .reason = d->text};
    struct bounce_append question = {
        .queue_id = d->entry->message->id,
        .recipients = &d->entry->recipients[d->at],
        .recipients_count = 1,
        .statuses = &status,
        .statuses_count = 1,
    };
    qmgr_bounce_append_defer(&question, on_answer, d);
}

void qmgr_defer_entry(struct qmgr_entry *e, const char *dsn, const char *text)
{
    struct qmgr_transport *retry = qmgr_transport_get(RETRY_TRANSPORT);
    if (e->queue->transport != retry && !retry->is_dead) {
        e->was_repeated = false;
        qmgr_entry_move(e, qmgr_defer_queue(dsn, text));
        return;
    }
    e->message->is_left = 1;
    struct deferral *d = xzalloc(sizeof *d);
    d->entry = e;
    d->dsn = xstrdup(dsn);
    d->text = xstrdup(text);
    deferral_next(d);
}

void qmgr_defer_todo(struct qmgr_queue *q, const char *dsn, const char *text)
{
    CLEANUP(xfree_ptr) char *dsn_copy = xstrdup(dsn); /* Q may go, and its texts with it */
    CLEANUP(xfree_ptr) char *text_copy = xstrdup(text);
    for (unsigned left = q->todo; left > 0; left--) {
        struct qmgr_entry *e = q->peers->entries;
        q->busy++;
        qmgr_entry_unlink(e);
        qmgr_defer_entry(e, dsn_copy, text_copy);
    }
}
