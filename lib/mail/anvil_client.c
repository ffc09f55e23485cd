/*
 * Questions for anvil. Answers carry no number: anvil answers in order, so the list of calls is the
 * list of answers to come, and a cancelled call keeps its place until its answer has passed.
 */
#include "mail/anvil_client.h"

#include "base/xmem.h"
#include "io/deadline.h"
#include "io/sock.h"
#include "ipc/chan.h"

struct anvil_call {
    struct anvil_client *client;
    anvil_fn fn; /* NULL: cancelled */
    void *owner;
    struct deadline deadline;
    struct anvil_call *next;
};

struct anvil_client {
    struct loop *loop;
    char *path;
    int64_t timeout_ms;
    struct chan *chan; /* NULL: not connected */
    struct anvil_call *first, **end;
    struct timer *timer;
    struct later failure; /* no connection: answers leave at the end of the turn */
    struct err why;
};

static void client_fail(struct anvil_client *c, const struct err *err)
{
    struct err why = *err;
    chan_free(c->chan);
    c->chan = NULL;
    timer_stop(c->timer);
    struct anvil_call *list = c->first;
    c->first = NULL;
    c->end = &c->first;
    while (list) {
        struct anvil_call *call = list;
        list = call->next;
        if (call->fn)
            call->fn(call->owner, NULL, &why);
        xfree_ptr(&call);
    }
}

static void on_failure(void *owner)
{
    struct anvil_client *c = owner;
    client_fail(c, &c->why);
}

static void on_timeout(void *owner)
{
    struct anvil_client *c = owner;
    struct err err = ERR_INIT;
    if (!c->first)
        return;
    if (deadline_left_ms(c->first->deadline) > 0) {
        timer_start(c->timer, deadline_left_ms(c->first->deadline));
        return;
    }
    err_set(&err, ERR_TEMP, "no answer from %s in time", c->path);
    client_fail(c, &err);
}

static void on_message(void *owner, struct chan *chan, uint16_t kind, struct slice body)
{
    (void)chan;
    struct anvil_client *c = owner;
    struct err err = ERR_INIT;
    struct anvil_counts counts;
    CLEANUP(arena_free_ptr) struct arena *arena = arena_new("anvil_client");
    if (kind != ANVIL_COUNTS || !c->first) {
        err_set(&err, ERR_TEMP, "unexpected message from %s", c->path);
        client_fail(c, &err);
        return;
    }
    if (!msg_decode(&anvil_counts_type, body, arena, &counts, &err)) {
        client_fail(c, &err);
        return;
    }
    struct anvil_call *call = c->first;
    c->first = call->next;
    if (!c->first) {
        c->end = &c->first;
        timer_stop(c->timer);
    }
    if (call->fn)
        call->fn(call->owner, &counts, NULL);
    xfree_ptr(&call);
}

static void on_closed(void *owner, struct chan *chan, const struct err *err)
{
    (void)chan;
    struct anvil_client *c = owner;
    struct err why = *err;
    if (why.kind == ERR_NONE)
        err_set(&why, ERR_TEMP, "%s closed the connection", c->path);
    client_fail(c, &why);
}

static const struct chan_events anvil_events = {on_message, on_closed, NULL};

struct anvil_client *anvil_client_new(struct loop *loop, const char *path, int64_t timeout_ms)
{
    struct anvil_client *c = xzalloc(sizeof *c);
    c->loop = loop;
    c->path = xstrdup(path);
    c->timeout_ms = timeout_ms;
    c->end = &c->first;
    c->timer = timer_new(loop, on_timeout, c);
    c->failure = (struct later){.fn = on_failure, .owner = c};
    return c;
}

void anvil_client_free(struct anvil_client *c)
{
    if (!c)
        return;
    loop_later_cancel(c->loop, &c->failure);
    while (c->first) {
        struct anvil_call *call = c->first;
        c->first = call->next;
        xfree_ptr(&call);
    }
    chan_free(c->chan);
    timer_free(c->timer);
    xfree_ptr(&c->path);
    xfree_ptr(&c);
}

static bool client_connect(struct anvil_client *c, struct err *err)
{
    if (c->chan)
        return true;
    int fd = sock_connect_unix_start(c->path, err);
    if (fd < 0)
        return false;
    c->chan = chan_new(c->loop, fd, &anvil_events, c);
    return true;
}

struct anvil_call *anvil_ask(struct anvil_client *c, enum anvil_kind kind, const char *service,
                             const char *address, anvil_fn fn, void *owner)
{
    struct anvil_call *call = xzalloc(sizeof *call);
    *call = (struct anvil_call){c, fn, owner, deadline_in_ms(c->timeout_ms), NULL};
    *c->end = call;
    c->end = &call->next;
    if (!client_connect(c, &c->why)) {
        loop_later(c->loop, &c->failure);
        return call;
    }
    struct anvil_event event = {.service = service, .address = address};
    chan_send(c->chan, (uint16_t)kind, &anvil_event_type, &event);
    if (c->first == call)
        timer_start(c->timer, c->timeout_ms);
    return call;
}

void anvil_cancel(struct anvil_call *call)
{
    if (call)
        call->fn = NULL;
}

void anvil_tell_disconnect(struct anvil_client *c, const char *service, const char *address)
{
    if (!c->chan)
        return;
    struct anvil_event event = {.service = service, .address = address};
    chan_send(c->chan, ANVIL_DISCONNECT, &anvil_event_type, &event);
}
