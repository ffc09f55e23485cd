#include "ipc/client.h"

#include "base/clock.h"
#include "base/xmem.h"
#include "io/sock.h"

#include <utlist.h>

struct client_conn {
    struct client *client;
    struct chan *chan;
    struct call *call; /* NULL: idle */
    struct client_conn *prev, *next;
    int64_t opened_ms, idle_since_ms;
    bool is_fresh; /* never answered anything yet */
};

struct call {
    struct client *client;
    struct client_conn *conn;
    struct strbuf frame; /* kept for a second try */
    call_fn fn;
    void *owner;
    struct timer *timer;
    struct later later; /* starts the call, or fails it, outside client_call() */
    struct err err;
    bool tried_again;
    struct call *prev, *next;
};

struct client {
    struct loop *loop;
    struct client_options options;
    char *path;
    struct client_conn *idle;
    size_t idle_count;
    struct call *calls;
    struct timer *idle_timer;
};

static void conn_on_message(void *owner, struct chan *chan, uint16_t kind, struct slice body);
static void conn_on_closed(void *owner, struct chan *chan, const struct err *err);
static const struct chan_events conn_events = {.on_message = conn_on_message,
                                               .on_closed = conn_on_closed};

static void conn_free(struct client_conn *conn)
{
    chan_free(conn->chan);
    free(conn);
}

static void conn_drop_idle(struct client_conn *conn)
{
    DL_DELETE(conn->client->idle, conn);
    conn->client->idle_count--;
    conn_free(conn);
}

static void call_free(struct call *call)
{
    DL_DELETE(call->client->calls, call);
    loop_later_cancel(call->client->loop, &call->later);
    timer_free(call->timer);
    strbuf_done(&call->frame);
    free(call);
}

static void call_finish(struct call *call, uint16_t kind, struct slice body, const struct err *err)
{
    call_fn fn = call->fn;
    void *owner = call->owner;
    call_free(call);
    fn(owner, kind, body, err);
}

static void call_fail(struct call *call, const struct err *err)
{
    struct err reason = *err;
    if (call->conn)
        conn_free(call->conn);
    call_finish(call, 0, (struct slice){NULL, 0}, &reason);
}

static bool is_aged(const struct client_conn *conn)
{
    int64_t limit = conn->client->options.max_age_ms;
    return limit > 0 && clock_now_ms() - conn->opened_ms >= limit;
}

/* An old one goes, so that the process behind it may retire: busy ones would never be idle. */
static void conn_set_idle(struct client_conn *conn)
{
    struct client *client = conn->client;
    conn->call = NULL;
    conn->is_fresh = false;
    conn->idle_since_ms = clock_now_ms();
    if (is_aged(conn)) {
        conn_free(conn);
        return;
    }
    if (client->idle_count > 0 && client->idle_count >= client->options.max_idle)
        conn_drop_idle(client->idle->prev); /* utlist: the head's prev is the tail */
    DL_PREPEND(client->idle, conn); /* last used, first used: the others may grow old and go */
    client->idle_count++;
    if (!timer_is_running(client->idle_timer))
        timer_start(client->idle_timer, client->options.max_idle_ms);
}

static bool call_send(struct call *call, bool fresh_only)
{
    struct client *client = call->client;
    struct client_conn *conn = fresh_only ? NULL : client->idle;
    if (conn) {
        DL_DELETE(client->idle, conn);
        client->idle_count--;
    } else {
        int fd = sock_connect_unix_start(client->path, &call->err);
        if (fd < 0)
            return false;
        conn = xzalloc(sizeof *conn);
        conn->client = client;
        conn->is_fresh = true;
        conn->opened_ms = clock_now_ms();
        conn->chan = chan_new(client->loop, fd, &conn_events, conn);
    }
    conn->call = call;
    call->conn = conn;
    stream_write(chan_stream(conn->chan), strbuf_slice(&call->frame));
    return true;
}

static void call_on_later(void *owner)
{
    struct call *call = owner;
    call_fail(call, &call->err);
}

static void call_on_timeout(void *owner)
{
    struct call *call = owner;
    err_set(&call->err, ERR_TEMP, "%s: no answer in %lld s", call->client->path,
            (long long)call->client->options.timeout_ms / 1000);
    call_fail(call, &call->err);
}

static void conn_on_message(void *owner, struct chan *chan, uint16_t kind, struct slice body)
{
    (void)chan;
    struct client_conn *conn = owner;
    struct call *call = conn->call;
    if (!call) { /* nobody asked: the peer is confused */
        conn_drop_idle(conn);
        return;
    }
    /* Back into the pool first: FN may ask again or free the client. BODY stays readable, as a
     * channel keeps its input while it is being delivered. */
    call->conn = NULL;
    conn_set_idle(conn);
    static const struct err none = ERR_INIT;
    call_finish(call, kind, body, &none);
}

static void conn_on_closed(void *owner, struct chan *chan, const struct err *err)
{
    (void)chan;
    struct client_conn *conn = owner;
    struct call *call = conn->call;
    if (!call) {
        conn_drop_idle(conn);
        return;
    }
    struct client *client = conn->client;
    bool again = !conn->is_fresh && !call->tried_again && !client->options.no_retry;
    conn_free(conn);
    call->conn = NULL;
    call->tried_again = true;
    if (again && call_send(call, true))
        return;
    if (!again)
        err_set(&call->err, ERR_TEMP, "%s: %s", client->path,
                err->kind == ERR_NONE ? "connection closed" : err->reason);
    call_fail(call, &call->err);
}

static void client_on_idle_timer(void *owner)
{
    struct client *client = owner;
    int64_t limit = clock_now_ms() - client->options.max_idle_ms;
    struct client_conn *conn, *tmp;
    DL_FOREACH_SAFE (client->idle, conn, tmp)
        if (conn->idle_since_ms <= limit)
            conn_drop_idle(conn);
    if (client->idle)
        timer_start(client->idle_timer, client->options.max_idle_ms);
}

struct client *client_new(struct loop *loop, const struct client_options *options)
{
    struct client *client = xzalloc(sizeof *client);
    client->loop = loop;
    client->options = *options;
    client->path = xstrdup(options->path);
    client->options.path = client->path;
    client->idle_timer = timer_new(loop, client_on_idle_timer, client);
    return client;
}

void client_free(struct client *client)
{
    if (!client)
        return;
    struct call *call, *next_call;
    struct client_conn *conn, *next_conn;
    DL_FOREACH_SAFE (client->calls, call, next_call)
        call_cancel(call);
    DL_FOREACH_SAFE (client->idle, conn, next_conn)
        conn_free(conn);
    timer_free(client->idle_timer);
    free(client->path);
    free(client);
}

struct call *client_call(struct client *client, uint16_t kind, const struct msg_type *type,
                         const void *object, call_fn fn, void *owner)
{
    struct call *call = xzalloc(sizeof *call);
    call->client = client;
    call->fn = fn;
    call->owner = owner;
    call->later = (struct later){.fn = call_on_later, .owner = call};
    call->timer = timer_new(client->loop, call_on_timeout, call);
    strbuf_init(&call->frame, SIZE_MAX / 4);
    msg_frame(kind, type, object, &call->frame);
    DL_APPEND(client->calls, call);
    timer_start(call->timer, client->options.timeout_ms);
    if (!call_send(call, false))
        loop_later(client->loop, &call->later);
    return call;
}

void call_cancel(struct call *call)
{
    if (!call)
        return;
    /* an answer may still come on that connection: it is of no more use */
    if (call->conn)
        conn_free(call->conn);
    call_free(call);
}
