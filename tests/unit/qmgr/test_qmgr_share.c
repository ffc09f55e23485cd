/* How the destinations of a transport share its slots. */
#include "qmgr/qmgr.h"

#include "service/service_private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct config *cfg;

static void rule_leaves_room_for_others(void **unused)
{
    (void)unused;
    static const struct {
        const char *name;
        size_t limit;
        unsigned busy, in_use, mine;
        bool is_tried, allowed;
    } rows[] = {
        {"no limit", 0, 5000, 9, 4000, true, true},
        {"alone takes all", 100, 99, 1, 99, false, true},
        {"two take all", 100, 99, 2, 50, false, true},
        {"three leave a share", 100, 75, 3, 25, true, false},
        {"three, less than the free ones", 100, 74, 3, 25, true, true},
        {"three, as many as the free ones", 100, 80, 3, 20, true, false},
        {"untried, less than an eighth of the free ones", 100, 59, 3, 5, false, true},
        {"untried, an eighth of the free ones", 100, 60, 3, 5, false, false},
        {"nothing under way: the last slot", 100, 99, 40, 0, false, true},
        {"one under way: not the last slot", 100, 99, 40, 1, true, false},
        {"one under way: the last but one", 100, 98, 40, 1, true, true},
        {"one process", 1, 0, 40, 0, false, true},
        {"more under way than slots", 5, 9, 3, 3, true, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        print_message("  row: %s\n", rows[i].name);
        assert_int_equal(qmgr_share_allows(rows[i].limit, rows[i].busy, rows[i].in_use,
                                           rows[i].mine, rows[i].is_tried),
                         rows[i].allowed);
    }
}

static void set(const char *transport_name, const char *suffix, const char *value)
{
    char name[200];
    snprintf(name, sizeof name, "%s_%s", transport_name, suffix);
    config_override(cfg, name, value);
}

static struct qmgr_transport *transport(const char *name, const char *initial, size_t limit)
{
    set(name, "initial_destination_concurrency", initial);
    set(name, "destination_concurrency_limit", "20");
    struct qmgr_transport *t = qmgr_transport_get(name);
    t->conn_limit = limit;
    return t;
}

/* COUNT messages of one recipient for the destination NAME. */
static void add(struct qmgr_transport *t, const char *name, unsigned count)
{
    static unsigned number;
    for (unsigned i = 0; i < count; i++) {
        char id[20];
        struct arena *arena = arena_new("test");
        struct envelope *env = arena_zalloc(arena, sizeof *env);
        struct qmgr_batch *batch = calloc(1, sizeof *batch);
        env->sender = env->redirect = "";
        snprintf(id, sizeof id, "%u", ++number);
        struct qmgr_message *m = qmgr_message_new(id, arena, env);
        qmgr_active_hold(m); /* it does not end before over() */
        m->recipient_count++;
        qmgr_message_recipients_gone((size_t)-1);
        qmgr_entry_new(m, qmgr_queue_get(t, name, name), batch, arena_zalloc(arena, 100), 1);
    }
}

static void over(struct qmgr_entry *e)
{
    struct qmgr_message *m = e->message;
    qmgr_share_order_done(e->queue->transport);
    qmgr_entry_done(e);
    qmgr_message_free(m);
}

enum { MOST = 400 };

/* What is under way, the oldest first. */
static struct qmgr_entry *out[MOST];
static size_t out_count;

static void start(struct qmgr_transport *t)
{
    while (t->busy < t->conn_limit && (out[out_count] = qmgr_job_select(t)))
        out_count++;
}

/* The oldest delivery ends well, and others take its place. */
static void end_oldest(struct qmgr_transport *t)
{
    struct qmgr_entry *e = out[0];
    memmove(out, out + 1, --out_count * sizeof *out);
    qmgr_queue_succeeded(e->queue);
    over(e);
    start(t);
}

static void add_many(struct qmgr_transport *t, unsigned destinations, unsigned messages)
{
    for (unsigned i = 0; i < destinations; i++) {
        char name[20];
        snprintf(name, sizeof name, "slow%u.test", i);
        add(t, name, messages);
        start(t);
    }
}

/* Everything that waits or is under way goes. */
static void drain(struct qmgr_transport *t)
{
    while (out_count > 0)
        end_oldest(t);
    assert_int_equal(t->busy, 0);
    assert_int_equal(t->in_use, 0);
    assert_null(t->held);
    assert_null(t->queues);
    assert_null(t->jobs);
}

static void shares_of_those_who_take_all_they_get(void **unused)
{
    (void)unused;
    static const struct {
        const char *name;
        size_t limit;
        unsigned destinations;
        size_t least, most; /* under way when things have settled */
    } rows[] = {
        {"one, its own limit", 100, 1, 20, 20},
        {"one, few processes", 5, 1, 5, 5},
        {"two", 100, 2, 40, 40},
        {"two, few processes", 5, 2, 5, 5},
        {"two, thirty processes", 30, 2, 30, 30},
        {"three, few processes", 5, 3, 3, 4},
        {"three, one process", 1, 3, 1, 1},
        {"four", 100, 4, 80, 80},
        {"five", 100, 5, 80, 90},
        {"thirty", 100, 30, 90, 98},
        {"more than there are slots", 100, 150, 100, 100},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char name[20];
        print_message("  row: %s\n", rows[i].name);
        snprintf(name, sizeof name, "share%zu", i);
        struct qmgr_transport *t = transport(name, "20", rows[i].limit);
        add_many(t, rows[i].destinations, 400);
        for (size_t ended = 0; ended < 3 * rows[i].limit && ended < 20 * rows[i].destinations;
             ended++)
            end_oldest(t);
        assert_in_range(out_count, rows[i].least, rows[i].most);
        drain(t);
    }
}

/* From the first one on, and while shares change. */
static void newcomer_finds_room_at_once(void **unused)
{
    (void)unused;
    struct qmgr_transport *t = transport("newcomer", "5", 100);
    for (unsigned slow = 1; slow <= 30; slow++) {
        char name[20];
        snprintf(name, sizeof name, "slow%u.test", slow);
        add(t, name, 50);
        start(t);
        assert_string_equal(out[out_count - 1]->queue->name, name);
        add(t, "healthy.test", 1);
        struct qmgr_entry *e = qmgr_job_select(t);
        assert_non_null(e);
        assert_string_equal(e->queue->name, "healthy.test");
        assert_true(t->busy <= t->conn_limit);
        over(e);
        start(t);
    }
    assert_in_range(t->busy, 80, 99);
    unsigned full = 0;
    for (int i = 0; i < 500; i++) {
        end_oldest(t);
        full += t->busy == 100;
    }
    assert_in_range(full, 0, 10); /* only while the first shares even out */
    drain(t);
}

/* Who has more than a share gives back as its deliveries end; those that wait get theirs. */
static void shares_even_out(void **unused)
{
    (void)unused;
    struct qmgr_transport *t = transport("even", "20", 20);
    add(t, "early.test", 200);
    start(t);
    assert_int_equal(out_count, 20);
    add_many(t, 4, 100); /* no slot is free */
    assert_int_equal(out_count, 20);
    for (int i = 0; i < 60; i++)
        end_oldest(t);
    for (struct qmgr_queue *q = t->queues; q; q = q->hh.next)
        assert_in_range(q->busy, 3, 4);
    drain(t);
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
        cmocka_unit_test(rule_leaves_room_for_others),
        cmocka_unit_test(shares_of_those_who_take_all_they_get),
        cmocka_unit_test(newcomer_finds_room_at_once),
        cmocka_unit_test(shares_even_out),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
