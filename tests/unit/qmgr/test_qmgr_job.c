/* The scheduler without sockets: which message is served next. */
#include "qmgr/qmgr.h"

#include "service/service_private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct config *cfg;

static struct qmgr_transport *transport(const char *name)
{
    return qmgr_transport_get(name);
}

static void set(const char *transport_name, const char *suffix, const char *value)
{
    char name[200];
    snprintf(name, sizeof name, "%s_%s", transport_name, suffix);
    config_override(cfg, name, value);
}

/* A message ID with COUNT entries for DESTINATION (or, with SPREAD, each for its own). */
static struct qmgr_message *add(struct qmgr_transport *t, const char *id, const char *destination,
                                unsigned count, bool spread)
{
    struct qmgr_message *m = qmgr_message_find(id);
    if (!m) {
        struct arena *arena = arena_new("test");
        struct envelope *env = arena_zalloc(arena, sizeof *env);
        env->sender = env->redirect = "";
        m = qmgr_message_new(id, arena, env);
        qmgr_active_hold(m); /* it never ends here */
    }
    struct qmgr_batch *batch = calloc(1, sizeof *batch);
    for (unsigned i = 0; i < count; i++) {
        char name[100];
        snprintf(name, sizeof name, spread ? "%s%u" : "%s", destination, i);
        struct recipient *rcpt = arena_zalloc(m->arena, sizeof *rcpt);
        m->recipient_count++;
        qmgr_entry_new(m, qmgr_queue_get(t, name, name), batch, rcpt, 1);
    }
    return m;
}

static void finish(struct qmgr_entry *e)
{
    qmgr_message_recipients_gone((size_t)-1); /* make up for what add() did not count */
    qmgr_share_order_done(e->queue->transport);
    qmgr_entry_done(e);
}

/* Serve until nothing is left, one delivery at a time; the first letters of the ids in order. */
static const char *serve(struct qmgr_transport *t)
{
    static char order[1000];
    size_t len = 0;
    struct qmgr_entry *e;
    while (len < sizeof order - 1 && (e = qmgr_job_select(t))) {
        order[len++] = e->message->id[0];
        finish(e);
    }
    order[len] = '\0';
    return order;
}

static void drop(const char *ids)
{
    for (const char *id = ids; *id; id++) {
        char name[2] = {*id, '\0'};
        qmgr_message_free(qmgr_message_find(name));
    }
}

static void jobs_are_served_first_come(void **unused)
{
    (void)unused;
    set("fifo", "delivery_slot_cost", "0");
    struct qmgr_transport *t = transport("fifo");
    add(t, "1", "a.test", 4, false);
    add(t, "2", "b.test", 2, false);
    add(t, "3", "a.test", 1, false);
    assert_string_equal(serve(t), "1111223");
    drop("123");
}

/* SCHEDULER_README's example: ten recipients, then twice two; slot cost 2, discount 50, loan 0. */
static void small_mail_slips_past_bulk_mail(void **unused)
{
    (void)unused;
    static const struct {
        const char *name, *cost, *discount, *loan, *minimum, *order;
    } rows[] = {
        {"paid in advance", "2", "0", "0", "2", "11112211113311"},
        {"half on loan", "2", "50", "0", "2", "11221111331111"},
        {"too few slots in sight", "2", "0", "0", "6", "11111111112233"},
        {"off", "1", "50", "3", "0", "11111111112233"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char name[20];
        snprintf(name, sizeof name, "bulk%zu", i);
        print_message("  row: %s\n", rows[i].name);
        set(name, "delivery_slot_cost", rows[i].cost);
        set(name, "delivery_slot_discount", rows[i].discount);
        set(name, "delivery_slot_loan", rows[i].loan);
        set(name, "minimum_delivery_slots", rows[i].minimum);
        struct qmgr_transport *t = transport(name);
        add(t, "1", "a.test", 10, true);
        add(t, "2", "b.test", 2, true);
        add(t, "3", "c.test", 2, true);
        assert_string_equal(serve(t), rows[i].order);
        drop("123");
    }
}

static void full_destination_does_not_hold_up_others(void **unused)
{
    (void)unused;
    set("conc", "destination_concurrency_limit", "2");
    set("conc", "initial_destination_concurrency", "2");
    struct qmgr_transport *t = transport("conc");
    add(t, "1", "slow.test", 5, false);
    add(t, "2", "fast.test", 1, false);
    struct qmgr_entry *a = qmgr_job_select(t), *b = qmgr_job_select(t), *c = qmgr_job_select(t);
    assert_string_equal(a->message->id, "1");
    assert_string_equal(b->message->id, "1");
    assert_string_equal(c->message->id, "2");
    assert_null(qmgr_job_select(t)); /* slow.test is at its limit */
    finish(c);
    assert_null(qmgr_job_select(t));
    finish(a);
    struct qmgr_entry *d = qmgr_job_select(t);
    assert_string_equal(d->message->id, "1");
    finish(b);
    finish(d);
    assert_string_equal(serve(t), "11");
    drop("12");
    assert_int_equal(t->recipients_in_memory, 0);
    assert_null(t->queues);
    assert_null(t->jobs);
}

static void destinations_of_one_message_take_turns(void **unused)
{
    (void)unused;
    struct qmgr_transport *t = transport("turns");
    add(t, "1", "a.test", 3, false);
    add(t, "1", "b.test", 3, false);
    char order[7] = "";
    for (int i = 0; i < 6; i++) {
        struct qmgr_entry *e = qmgr_job_select(t);
        order[i] = e->queue->name[0];
        finish(e);
    }
    assert_true(strcmp(order, "ababab") == 0 || strcmp(order, "bababa") == 0);
    drop("1");
}

/* A dead destination's mail moves to the transport retry, with the reason in front. */
static void dead_destination_defers_what_waits(void **unused)
{
    (void)unused;
    set("dead", "initial_destination_concurrency", "1");
    struct qmgr_transport *t = transport("dead"), *retry = transport("retry");
    add(t, "1", "down.test", 1, false);
    add(t, "2", "down.test", 2, false);
    struct qmgr_entry *e = qmgr_job_select(t);
    struct qmgr_queue *q = e->queue;
    qmgr_queue_failed(q, "4.4.1", "no route");
    assert_int_equal(q->state, QUEUE_DEAD);
    assert_null(qmgr_job_select(t));
    finish(e);
    e = qmgr_job_select(retry);
    assert_non_null(e);
    assert_string_equal(e->message->id, "2");
    assert_string_equal(e->queue->nexthop, "4.4.1 delivery temporarily suspended: no route");
    finish(e);
    assert_string_equal(serve(retry), "2");
    qmgr_transport_unthrottle_all();
    assert_null(t->queues); /* nothing waits for it: forgotten */
    drop("12");
}

/* Many preemptions in one place: ranks run out of room between two numbers. */
static void order_survives_many_jobs(void **unused)
{
    (void)unused;
    set("many", "delivery_slot_cost", "2");
    set("many", "minimum_delivery_slots", "1");
    struct qmgr_transport *t = transport("many");
    add(t, "1", "bulk.test", 900, true);
    for (int i = 0; i < 300; i++) {
        char id[20];
        snprintf(id, sizeof id, "small%d", i);
        add(t, id, "s.test", 1, false);
    }
    const char *order = serve(t);
    assert_int_equal(strlen(order), 999); /* as many as the buffer holds */
    assert_non_null(strchr(order, 's'));
    serve(t);
    for (int i = 0; i < 300; i++) {
        char id[20];
        snprintf(id, sizeof id, "small%d", i);
        qmgr_message_free(qmgr_message_find(id));
    }
    drop("1");
}

static int setup(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT;
    service_process.loop = loop_new();
    cfg = config_new("/nonexistent");
    config_declare(cfg, qmgr_param_rows);
    if (!params_load(cfg, qmgr_param_rows, &qmgr_params, &err))
        fail_msg("%s", err.reason);
    qmgr_transport_init(cfg);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs_are_served_first_come),
        cmocka_unit_test(small_mail_slips_past_bulk_mail),
        cmocka_unit_test(full_destination_does_not_hold_up_others),
        cmocka_unit_test(destinations_of_one_message_take_turns),
        cmocka_unit_test(dead_destination_defers_what_waits),
        cmocka_unit_test(order_survives_many_jobs),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
