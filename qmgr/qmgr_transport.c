/* Transports: the services of master.cf that deliver, their limits, and when they are broken. */
#include "base/argv.h"
#include "base/xmem.h"
#include "config/common_params.h"
#include "config/master_cf.h"
#include "config/param.h"
#include "qmgr/qmgr.h"

#include <string.h>

static struct qmgr_transport *transports;
static struct config *config;
static struct master_entry *services; /* for the process limits */

void qmgr_transport_init(struct config *cfg)
{
    config = cfg;
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_INIT(4096);
    strbuf_addf(&path, "%s/master.cf", config_dir(cfg));
    struct err err = ERR_INIT;
    if (!master_cf_load(path.s, &services, &err))
        log_warn(NULL, "%s: process limits of transports are not known", err.reason);
}

/* master.cf's process limit caps the deliveries under way; more orders would only wait in the
 * socket. */
static size_t connection_limit(const char *name)
{
    for (const struct master_entry *e = services; e; e = e->next) {
        if (e->type != SERVICE_UNIX || strcmp(e->name, name) != 0)
            continue;
        return e->max_processes < 0 ? (size_t)common_params.default_process_limit
                                    : (size_t)e->max_processes;
    }
    return (size_t)common_params.default_process_limit;
}

// clang-format off
static const struct param_row rows[] = {
#define PATTERN(kind, owner, suffix, def, min, max, since, purpose) \
    {#suffix, PARAM_##kind, def, min, max, purpose, 0, since},
#include "qmgr/qmgr_transport_params.def"
#undef PATTERN
    {0},
};
// clang-format on

/* TRANSPORT_suffix. A bad value is the operator's to repair: qmgr cannot guess. */
static int64_t read_number(const char *transport, const char *suffix)
{
    const struct param_row *row = param_find(rows, suffix);
    CLEANUP(xfree_ptr) char *name = xasprintf("%s_%s", transport, suffix);
    struct err err = ERR_INIT;
    int64_t value = 0;
    bool ok =
        row->kind == PARAM_TIME
            ? config_get_time(config, name, row->default_text, row->min, row->max, &value, &err)
            : config_get_int(config, name, row->default_text, row->min, row->max, &value, &err);
    if (!ok)
        log_fatal("%s", err.reason);
    return value;
}

static void read_feedback(const char *transport, const char *suffix, struct feedback *ret)
{
    const struct param_row *row = param_find(rows, suffix);
    CLEANUP(xfree_ptr) char *name = xasprintf("%s_%s", transport, suffix);
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_INIT(1000);
    struct err err = ERR_INIT;
    if (!config_get_text(config, name, row->default_text, &text, &err))
        log_fatal("%s", err.reason);
    if (feedback_parse(strbuf_slice(&text), ret, &err))
        return;
    log_warn(NULL, "%s: %s; using 1", name, err.reason);
    *ret = (struct feedback){1, FEEDBACK_BY_ONE};
}

static void read_limits(const char *name, struct qmgr_transport_limits *l)
{
    const struct {
        int64_t *value;
        const char *suffix;
    } numbers[] = {
        {&l->concurrency_limit, "destination_concurrency_limit"},
        {&l->recipient_limit, "destination_recipient_limit"},
        {&l->recipients_in_memory, "recipient_limit"},
        {&l->extra_recipients, "extra_recipient_limit"},
        {&l->refill_limit, "recipient_refill_limit"},
        {&l->refill_delay_s, "recipient_refill_delay"},
        {&l->slot_cost, "delivery_slot_cost"},
        {&l->slot_discount, "delivery_slot_discount"},
        {&l->slot_loan, "delivery_slot_loan"},
        {&l->minimum_slots, "minimum_delivery_slots"},
        {&l->destination_rate_delay_s, "destination_rate_delay"},
        {&l->transport_rate_delay_s, "transport_rate_delay"},
        {&l->window.initial, "initial_destination_concurrency"},
        {&l->window.cohort_limit, "destination_concurrency_failed_cohort_limit"},
    };
    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        *numbers[i].value = read_number(name, numbers[i].suffix);
    l->slot_discount = MIN(l->slot_discount, (int64_t)100);
    l->window.limit = l->concurrency_limit;
    read_feedback(name, "destination_concurrency_positive_feedback", &l->window.positive);
    read_feedback(name, "destination_concurrency_negative_feedback", &l->window.negative);
}

static void run_later(void *owner)
{
    qmgr_deliver_now(owner);
}

struct qmgr_transport *qmgr_transport_get(const char *name)
{
    struct qmgr_transport *t;
    HASH_FIND_STR(transports, name, t);
    if (t)
        return t;
    t = xzalloc(sizeof *t);
    t->name = xstrdup(name);
    t->conn_limit = connection_limit(name);
    t->run = (struct later){.fn = run_later, .owner = t};
    read_limits(name, &t->limits);
    HASH_ADD_KEYPTR(hh, transports, t->name, strlen(t->name), t);
    return t;
}

struct qmgr_transport *qmgr_transport_first(void)
{
    return transports;
}

static void transport_unthrottle(struct qmgr_transport *t)
{
    if (!t->is_dead)
        return;
    timer_stop(t->timer);
    t->is_dead = false;
    t->lost_in_a_row = 0;
    for (struct qmgr_queue *q = t->queues; q; q = q->hh.next)
        qmgr_queue_changed(q);
    qmgr_deliver_run(t);
}

static void on_timer(void *owner)
{
    transport_unthrottle(owner);
}

void qmgr_transport_throttle(struct qmgr_transport *t)
{
    if (t->is_dead)
        return;
    t->is_dead = true;
    if (!t->timer)
        t->timer = timer_new(service_loop(), on_timer, t);
    timer_start(t->timer, qmgr_params.transport_retry_time * 1000);
    for (struct qmgr_queue *q = t->queues, *next; q; q = next) {
        next = q->hh.next; /* deferring may free Q, and only Q: it changes no other queue of T */
        qmgr_queue_changed(q);
        qmgr_defer_todo(q, "4.3.0", "mail transport unavailable");
    }
}

void qmgr_transport_unthrottle_all(void)
{
    for (struct qmgr_transport *t = transports; t; t = t->hh.next) {
        transport_unthrottle(t);
        for (struct qmgr_queue *q = t->queues, *next; q; q = next) {
            next = q->hh.next;
            qmgr_queue_unthrottle(q);
            qmgr_queue_drop_if_unused(q);
        }
    }
}
