/* Destinations: how many deliveries at once, when they rest, when they count as dead. */
#include "base/xmem.h"
#include "base/clock.h"
#include "config/common_params.h"
#include "qmgr/qmgr.h"

#include <string.h>

enum { CLOG_PERCENT = 80 };

static void on_timer(void *owner);

static bool queue_is_ready(const struct qmgr_queue *q)
{
    return q->peers && q->state == QUEUE_READY && !q->transport->is_dead &&
           (int64_t)q->busy < q->window.size &&
           (q->busy == 0 || q->transport->limits.destination_rate_delay_s == 0);
}

void qmgr_queue_changed(struct qmgr_queue *q)
{
    qmgr_share_count(q);
    qmgr_heap_update(q->transport, q, qmgr_share_admits(q, queue_is_ready(q)));
}

struct qmgr_queue *qmgr_queue_get(struct qmgr_transport *t, const char *name, const char *nexthop)
{
    struct qmgr_queue *q;
    HASH_FIND_STR(t->queues, name, q);
    if (q)
        return q;
    q = xzalloc(sizeof *q);
    q->transport = t;
    q->name = xstrdup(name);
    q->nexthop = xstrdup(nexthop);
    qmgr_window_init(&q->window, &t->limits.window);
    HASH_ADD_KEYPTR(hh, t->queues, q->name, strlen(q->name), q);
    return q;
}

static void queue_free(struct qmgr_queue *q)
{
    qmgr_queue_changed(q); /* off the heap */
    HASH_DEL(q->transport->queues, q);
    timer_free(q->timer);
    free(q->dead_dsn);
    free(q->dead_text);
    free(q->name);
    free(q->nexthop);
    free(q);
}

void qmgr_queue_drop_if_unused(struct qmgr_queue *q)
{
    if (q->todo == 0 && q->busy == 0 && q->state == QUEUE_READY)
        queue_free(q);
}

static void queue_rest(struct qmgr_queue *q, enum qmgr_queue_state state, int64_t seconds)
{
    q->state = state;
    if (!q->timer)
        q->timer = timer_new(service_loop(), on_timer, q);
    timer_start(q->timer, seconds * 1000);
    qmgr_queue_changed(q);
}

static void debug_window(const struct qmgr_queue *q, const char *what)
{
    if (!qmgr_params.destination_concurrency_feedback_debug)
        return;
    log_info(NULL, "%s: queue %s: limit %lld window %lld success %g failure %g fail_cohorts %g",
             what, q->name, (long long)q->transport->limits.window.limit, (long long)q->window.size,
             q->window.success, q->window.failure, q->window.failed_cohorts);
}

void qmgr_queue_succeeded(struct qmgr_queue *q)
{
    if (q->state == QUEUE_DEAD)
        qmgr_queue_unthrottle(q);
    qmgr_window_succeeded(&q->window, &q->transport->limits.window, q->busy);
    debug_window(q, "positive feedback");
}

void qmgr_queue_failed(struct qmgr_queue *q, const char *dsn, const char *text)
{
    qmgr_window_failed(&q->window, &q->transport->limits.window);
    debug_window(q, "negative feedback");
    if (q->window.size > 0 || q->state == QUEUE_DEAD)
        return;
    free(q->dead_dsn);
    free(q->dead_text);
    q->dead_dsn = xstrdup(dsn);
    q->dead_text = xasprintf("delivery temporarily suspended: %s", text);
    queue_rest(q, QUEUE_DEAD, common_params.minimal_backoff_time);
    qmgr_defer_todo(q, q->dead_dsn, q->dead_text);
}

void qmgr_queue_unthrottle(struct qmgr_queue *q)
{
    if (q->state != QUEUE_DEAD)
        return;
    timer_stop(q->timer);
    q->state = QUEUE_READY;
    qmgr_window_init(&q->window, &q->transport->limits.window);
    qmgr_queue_changed(q);
    qmgr_deliver_run(q->transport);
}

static void on_timer(void *owner)
{
    struct qmgr_queue *q = owner;
    if (q->state == QUEUE_DEAD)
        qmgr_queue_unthrottle(q);
    q->state = QUEUE_READY;
    qmgr_queue_changed(q);
    qmgr_deliver_run(q->transport);
    qmgr_queue_drop_if_unused(q);
}

void qmgr_queue_order_done(struct qmgr_queue *q)
{
    int64_t delay_s = q->transport->limits.destination_rate_delay_s;
    if (delay_s > 0 && q->state == QUEUE_READY)
        queue_rest(q, QUEUE_SUSPENDED, delay_s);
}

static struct qmgr_queue *biggest_queue(void)
{
    struct qmgr_queue *biggest = NULL;
    for (struct qmgr_transport *t = qmgr_transport_first(); t; t = t->hh.next)
        for (struct qmgr_queue *q = t->queues; q; q = q->hh.next)
            if (!biggest || q->todo + q->busy > biggest->todo + biggest->busy)
                biggest = q;
    return biggest;
}

/* The active queue is full: tell the operator when one destination is the reason. */
void qmgr_queue_warn_clog(void)
{
    static int64_t next_ms;
    int64_t now = clock_now_ms();
    if (!common_params.helpful_warnings || qmgr_params.qmgr_clog_warn_time == 0 || now < next_ms)
        return;
    const struct qmgr_queue *q = biggest_queue();
    size_t total = qmgr_message_count();
    if (!q || (uint64_t)(q->todo + q->busy) * 100 < total * CLOG_PERCENT)
        return;
    next_ms = now + qmgr_params.qmgr_clog_warn_time * 1000;
    log_warn(NULL, "mail for %s is using up %u of %zu active queue entries", q->nexthop,
             q->todo + q->busy, total);
}
