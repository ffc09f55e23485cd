/*
 * Orders to delivery programs over private/TRANSPORT, and their reports.
 *
 * Connections are opened as they are needed, up to the service's process limit, and kept while they
 * are in use every few seconds. An order goes to a connection that served its destination last,
 * because the process behind it may still have a session open there.
 */
#include "base/clock.h"
#include "base/xmem.h"
#include "config/common_params.h"
#include "delivery/delivery_log.h"
#include "io/sock.h"
#include "mail/address.h"
#include "mail/queue_id.h"
#include "qmgr/qmgr.h"

#include <errno.h>
#include <string.h>

/* A full listen queue is asked again after this; so many connections may break in a row before the
 * transport counts as broken. */
enum { BUSY_RETRY_MS = 100, LOST_LIMIT = 3 };

struct qmgr_conn {
    struct qmgr_transport *transport;
    struct chan *chan;
    struct qmgr_entry *entry; /* NULL: idle */
    char *last_queue;         /* name of the destination served last */
    int64_t opened_ms, idle_since_ms;
    bool was_used;                           /* reported at least once */
    struct qmgr_conn *prev, *next;           /* in transport->conns */
    struct qmgr_conn *idle_prev, *idle_next; /* in transport->idle, last used first */
};

static void conn_free(struct qmgr_conn *c)
{
    struct qmgr_transport *t = c->transport;
    if (!c->entry)
        DL_DELETE2(t->idle, c, idle_prev, idle_next);
    DL_DELETE(t->conns, c);
    t->conn_count--;
    chan_free(c->chan);
    free(c->last_queue);
    free(c);
}

/* Idle connections */

static void on_idle_timer(void *owner)
{
    struct qmgr_transport *t = owner;
    int64_t limit = clock_now_ms() - common_params.ipc_idle * 1000;
    while (t->idle && t->idle->idle_prev->idle_since_ms <= limit)
        conn_free(t->idle->idle_prev); /* the one unused longest stands last */
    if (t->idle)
        timer_start(t->idle_timer, t->idle->idle_prev->idle_since_ms - limit + 1);
}

static void conn_set_idle(struct qmgr_conn *c)
{
    struct qmgr_transport *t = c->transport;
    c->entry = NULL;
    c->was_used = true;
    c->idle_since_ms = clock_now_ms();
    DL_PREPEND2(t->idle, c, idle_prev, idle_next);
    if (c->idle_since_ms - c->opened_ms >= common_params.ipc_ttl * 1000) {
        conn_free(c); /* so that the process behind it may retire, however much mail there is */
        return;
    }
    if (!t->idle_timer)
        t->idle_timer = timer_new(service_loop(), on_idle_timer, t);
    if (!timer_is_running(t->idle_timer))
        timer_start(t->idle_timer, common_params.ipc_idle * 1000);
}

static struct qmgr_conn *conn_from_idle(struct qmgr_transport *t, const struct qmgr_queue *q)
{
    struct qmgr_conn *c, *found = t->idle;
    DL_FOREACH2(t->idle, c, idle_next)
    {
        if (strcmp(c->last_queue, q->name) == 0) {
            found = c;
            break;
        }
    }
    if (found)
        DL_DELETE2(t->idle, found, idle_prev, idle_next);
    return found;
}

/* Reports */

static void rate_on_timer(void *owner)
{
    struct qmgr_transport *t = owner;
    t->is_rate_delayed = false;
    qmgr_deliver_run(t);
}

static void transport_order_done(struct qmgr_transport *t)
{
    qmgr_share_order_done(t);
    if (t->limits.transport_rate_delay_s > 0) {
        t->is_rate_delayed = true;
        if (!t->rate_timer)
            t->rate_timer = timer_new(service_loop(), rate_on_timer, t);
        timer_start(t->rate_timer, t->limits.transport_rate_delay_s * 1000);
    }
    qmgr_deliver_run(t);
}

static void take_report(struct qmgr_entry *e, const struct delivery_report *report)
{
    struct qmgr_message *m = e->message;
    struct qmgr_queue *q = e->queue;
    if (report->status & DELIVERY_REPORT_LEFT)
        m->is_left = 1;
    if (report->status & DELIVERY_REPORT_BOUNCED)
        m->has_bounce_log = 1;
    if (report->status & DELIVERY_REPORT_TRACED)
        m->has_trace_log = 1;
    transport_order_done(q->transport);
    qmgr_queue_order_done(q);
    if (report->dsn[0] != '\0')
        qmgr_queue_failed(q, report->dsn, report->reason);
    else
        qmgr_queue_succeeded(q);
    qmgr_entry_done(e);
}

static void on_closed(void *owner, struct chan *chan, const struct err *err);

static void on_message(void *owner, struct chan *chan, uint16_t kind, struct slice body)
{
    struct qmgr_conn *c = owner;
    CLEANUP(arena_free_ptr) struct arena *arena = arena_new("delivery_report");
    struct delivery_report report;
    struct err err = ERR_INIT;
    if (kind != DELIVERY_REPORT || !c->entry)
        err_set(&err, ERR_TEMP, "unexpected message of kind %u", (unsigned)kind);
    else
        msg_decode(&delivery_report_type, body, arena, &report, &err);
    if (err.kind != ERR_NONE) {
        on_closed(c, chan, &err);
        return;
    }
    struct qmgr_entry *e = c->entry;
    c->transport->lost_in_a_row = 0;
    free(c->last_queue);
    c->last_queue = xstrdup(e->queue->name);
    conn_set_idle(c);
    take_report(e, &report);
}

/* Lost connections */

static void conn_send(struct qmgr_conn *c, struct qmgr_entry *e);
static struct qmgr_conn *conn_open(struct qmgr_transport *t, bool *ret_is_full);

/* Who died without a report may have bounced recipients and marked them: the sender must hear.
 * (An order that is not repeated defers the message, and its logs are looked for when it comes
 * back.)
 */
static void look_for_logs(struct qmgr_message *m)
{
    if (qmgr_bounce_log_exists(m->id, BOUNCE_SERVICE))
        m->has_bounce_log = 1;
    if (qmgr_bounce_log_exists(m->id, TRACE_SERVICE))
        m->has_trace_log = 1;
}

/* A kept connection that closes instead of reporting mostly means that the process retired while
 * the order was on its way: give it once more, over a new connection. Had the process died in the
 * middle, deferring would deliver a second time just as well. Recipients marked done meanwhile are
 * looked for by qmgr_message_skip_done(). */
static bool repeat_order(struct qmgr_transport *t, struct qmgr_entry *e)
{
    bool is_full;
    if (e->was_repeated || service_is_retiring())
        return false;
    e->was_repeated = true;
    if (!qmgr_message_skip_done(e))
        return false;
    look_for_logs(e->message);
    if (e->recipient_count == 0) { /* it died after the last mark */
        transport_order_done(t);
        qmgr_entry_done(e);
        return true;
    }
    struct qmgr_conn *c = conn_open(t, &is_full);
    if (!c)
        return false;
    conn_send(c, e);
    return true;
}

static void on_closed(void *owner, struct chan *chan, const struct err *err)
{
    (void)chan;
    struct qmgr_conn *c = owner;
    struct qmgr_transport *t = c->transport;
    struct qmgr_entry *e = c->entry;
    bool was_used = c->was_used;
    conn_free(c);
    if (!e)
        return; /* an idle connection: the process retired */
    if (was_used && repeat_order(t, e))
        return;
    log_warn(NULL, "private/%s: %s", t->name,
             err->kind == ERR_NONE ? "the delivery process went away in the middle of a delivery"
                                   : err->reason);
    transport_order_done(t);
    qmgr_defer_entry(e, "4.3.0", "unknown mail transport error");
    if (++t->lost_in_a_row < LOST_LIMIT)
        return;
    log_warn(NULL,
             "transport %s failure -- see a previous warning/fatal/panic logfile record for "
             "the problem description",
             t->name);
    qmgr_transport_throttle(t);
}

static const struct chan_events chan_events = {on_message, on_closed, NULL};

static struct qmgr_conn *conn_open(struct qmgr_transport *t, bool *ret_is_full)
{
    CLEANUP(xfree_ptr) char *path = xasprintf("private/%s", t->name);
    struct err err = ERR_INIT;
    *ret_is_full = false;
    int fd = sock_connect_unix_start(path, &err);
    if (fd < 0) {
        *ret_is_full = errno == EAGAIN;
        if (!*ret_is_full)
            log_warn(NULL, "connect to transport %s: %s", path, strerror(errno));
        return NULL;
    }
    struct qmgr_conn *c = xzalloc(sizeof *c);
    c->transport = t;
    c->last_queue = xstrdup("");
    c->opened_ms = clock_now_ms();
    c->chan = chan_new(service_loop(), fd, &chan_events, c);
    DL_APPEND(t->conns, c);
    t->conn_count++;
    return c;
}

/* Orders */

static int64_t order_flags(const struct qmgr_entry *e)
{
    const struct envelope *env = e->message->env;
    int64_t flags = 0;
    if (env->trace_flags & (TRACE_USER_PROBE | TRACE_MTA_PROBE))
        flags |= DELIVERY_TRACE_ONLY;
    if (env->trace_flags & TRACE_RECORD)
        flags |= DELIVERY_TRACE_RECORD;
    bool was_warned = env->warn_offset > 0 && env->warn_at_s == 0;
    if (was_warned && qmgr_params.confirm_delay_cleared)
        flags |= DELIVERY_DELAY_CLEARED;
    for (uint32_t i = 0; i < e->recipient_count; i++)
        if (e->recipients[i].dsn_notify & DSN_NOTIFY_SUCCESS)
            flags |= DELIVERY_SUCCESS_NOTIFY;
    /* worth keeping a session when more mail for this destination waits */
    if (e->queue->todo > 0)
        flags |= DELIVERY_CONNECTION_STORE;
    if (e->queue->todo > 0 || e->queue->busy > 1)
        flags |= DELIVERY_CONNECTION_LOAD;
    return flags;
}

static void conn_send(struct qmgr_conn *c, struct qmgr_entry *e)
{
    struct qmgr_message *m = e->message;
    struct envelope env = *m->env;
    CLEANUP(strbuf_done) struct strbuf sender = STRBUF_ANY;
    env.recipients = e->recipients;
    if (qmgr_message_is_verp(m)) {
        address_add_verp(&sender, env.sender, env.verp, e->recipients[0].address);
        env.sender = sender.s;
    }
    env.recipients_count = e->recipient_count;
    struct delivery_request request = {
        .queue_name = QUEUE_ACTIVE,
        .queue_id = m->id,
        .transport = c->transport->name,
        .nexthop = e->queue->nexthop,
        .flags = order_flags(e),
        .active_at_us = m->active_us,
        .sent_at_us = delivery_wall_us(),
        .envelopes = &env,
        .envelopes_count = 1,
    };
    c->entry = e;
    chan_send(c->chan, DELIVERY_REQUEST, &delivery_request_type, &request);
}

static bool transport_may_deliver(const struct qmgr_transport *t)
{
    if (t->is_dead || t->is_rate_delayed)
        return false;
    if (t->limits.transport_rate_delay_s > 0 && t->busy > 0)
        return false;
    return t->idle || t->conn_limit == 0 || t->conn_count < t->conn_limit;
}

static void deliver_later(struct qmgr_transport *t)
{
    if (!t->rate_timer)
        t->rate_timer = timer_new(service_loop(), rate_on_timer, t);
    t->is_rate_delayed = true;
    timer_start(t->rate_timer, BUSY_RETRY_MS);
}

/* Give out entries as long as there are some and somebody to take them. */
void qmgr_deliver_now(struct qmgr_transport *t)
{
    while (transport_may_deliver(t) && qmgr_share_find_ready(t)) {
        qmgr_message_consider_refill(t->heap[0]->peers->job);
        struct qmgr_conn *c = NULL;
        bool is_full = false;
        if (!t->idle) {
            c = conn_open(t, &is_full);
            if (is_full)
                deliver_later(t);
            else if (!c)
                qmgr_transport_throttle(t);
            if (!c)
                return;
        }
        struct qmgr_entry *e = qmgr_job_select(t);
        if (!c)
            c = conn_from_idle(t, e->queue);
        conn_send(c, e);
    }
}

void qmgr_deliver_run(struct qmgr_transport *t)
{
    if (t->heap_count > 0)
        loop_later(service_loop(), &t->run);
}
