/*
 * Policy services.
 *
 * What a server may do to us is bounded: a reply has to be whole within the service's timeout and
 * SMTPD_POLICY_REPLY_MAX bytes, a request is tried try_limit times, and what a server says without
 * being asked costs it the connection.
 */
#include "smtpd/smtpd_policy.h"

#include "base/clock.h"
#include "base/strbuf.h"
#include "base/xmem.h"
#include "io/connect.h"
#include "io/stream.h"
#include "log/log.h"
#include "smtpd/smtpd_policy_settings.h"
#include "smtpd/smtpd_server.h"
#include "smtpd/smtpd_session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

struct smtpd_policy {
    struct smtpd_policy_settings settings;
    struct smtpd_policy_conn *idle; /* nobody's */
    struct smtpd_policy_call *calls;
};

struct smtpd_policy_conn {
    struct smtpd_policy *policy;
    struct stream *stream;
    struct smtpd_session *user; /* its session; NULL: on the list of idle ones */
    struct smtpd_policy_call *call;
    int64_t opened_ms, requests;
    struct smtpd_policy_conn *prev, *next;           /* policy->idle */
    struct smtpd_policy_conn *user_prev, *user_next; /* user->policy_conns */
};

struct smtpd_policy_call {
    struct smtpd_policy *policy;
    struct smtpd_session *s;
    struct strbuf request;
    smtpd_policy_fn fn;
    void *owner;
    int64_t tries;
    struct timer *timer; /* the pause between tries */
    struct connect *connect;
    struct smtpd_policy_conn *conn;
    struct smtpd_policy_call *prev, *next;
};

static void call_try(void *owner);

/* Connections */

static void conn_detach(struct smtpd_policy_conn *conn)
{
    if (conn->user)
        DL_DELETE2(conn->user->policy_conns, conn, user_prev, user_next);
    else
        DL_DELETE(conn->policy->idle, conn);
}

static void conn_free(struct smtpd_policy_conn *conn)
{
    conn_detach(conn);
    if (conn->call)
        conn->call->conn = NULL;
    stream_free(conn->stream);
    free(conn);
}

static void conn_give(struct smtpd_policy_conn *conn, struct smtpd_session *user)
{
    conn->user = user;
    if (user)
        DL_PREPEND2(user->policy_conns, conn, user_prev, user_next);
    else
        DL_PREPEND(conn->policy->idle, conn); /* last used, first used: the others grow old */
}

static bool conn_is_spent(const struct smtpd_policy_conn *conn)
{
    const struct smtpd_policy *p = conn->policy;
    return clock_now_ms() - conn->opened_ms >= p->settings.max_ttl * 1000 ||
           (p->settings.request_limit > 0 && conn->requests >= p->settings.request_limit);
}

/* The connection S asked before, or one that nobody needs. NULL: none. */
static struct smtpd_policy_conn *conn_find(struct smtpd_policy *policy, struct smtpd_session *s)
{
    struct smtpd_policy_conn *conn;
    for (conn = s->policy_conns; conn; conn = conn->user_next)
        if (conn->policy == policy && !conn->call)
            return conn;
    conn = policy->idle;
    if (conn) {
        conn_detach(conn);
        conn_give(conn, s);
    }
    return conn;
}

void smtpd_policy_release(struct smtpd_session *s)
{
    struct smtpd_policy_conn *conn, *next;
    DL_FOREACH_SAFE2(s->policy_conns, conn, next, user_next)
    if (!conn->call) {
        conn_detach(conn);
        conn_give(conn, NULL);
    }
}

/* Calls */

static void call_free(struct smtpd_policy_call *call)
{
    DL_DELETE(call->policy->calls, call);
    connect_cancel(call->connect);
    if (call->conn)
        conn_free(call->conn); /* its answer is still to come */
    timer_free(call->timer);
    strbuf_done(&call->request);
    free(call);
}

void smtpd_policy_cancel(struct smtpd_policy_call *call)
{
    if (call)
        call_free(call);
}

static void call_finish(struct smtpd_policy_call *call, const char *action)
{
    smtpd_policy_fn fn = call->fn;
    void *owner = call->owner;
    call_free(call);
    fn(owner, action);
}

/* A try has failed. What a server that restarts looks like is told of only at the end; IS_LOSS: so
 * does this. */
static void call_failed(struct smtpd_policy_call *call, const char *reason, bool is_loss)
{
    const struct smtpd_policy *p = call->policy;
    bool is_last = call->tries >= p->settings.try_limit;
    if (is_last || !is_loss)
        log_warn(NULL, "problem talking to server %s: %s", p->settings.name, reason);
    if (is_last)
        call_finish(call, NULL);
    else
        timer_start(call->timer, p->settings.retry_delay * 1000);
}

static const char no_answer[] = "Application error"; /* as Postfix calls it */

static void conn_failed(struct smtpd_policy_conn *conn, const char *reason, bool is_loss)
{
    struct smtpd_policy_call *call = conn->call;
    conn_free(conn);
    if (call)
        call_failed(call, reason, is_loss);
}

static void on_input(void *owner, struct stream *stream)
{
    struct smtpd_policy_conn *conn = owner;
    struct smtpd_policy_call *call = conn->call;
    struct slice in = stream_input(stream), action;
    size_t size = 0;
    if (!call) { /* nobody asked: the next reply would be a wrong one */
        conn_free(conn);
        return;
    }
    switch (smtpd_policy_parse(in, &action, &size)) {
    case SMTPD_POLICY_MORE:
        if (in.len < SMTPD_POLICY_REPLY_MAX)
            return;
        log_warn(NULL, "reply longer than %d bytes from %s", SMTPD_POLICY_REPLY_MAX,
                 conn->policy->settings.name);
        conn_failed(conn, no_answer, true);
        return;
    case SMTPD_POLICY_NO_ACTION:
        log_warn(NULL, "missing attribute action in input from %s", conn->policy->settings.name);
        conn_failed(conn, no_answer, true);
        return;
    case SMTPD_POLICY_ACTION:
        break;
    }
    CLEANUP(xfree_ptr) char *text = slice_dup(action);
    conn->call = NULL;
    call->conn = NULL;
    if (size < in.len || conn_is_spent(conn)) {
        conn_free(conn);
    } else {
        stream_consume(stream, size);
        stream_deadline(stream, conn->policy->settings.max_idle * 1000);
    }
    call_finish(call, text);
}

/* A reply that has begun does not go on. */
static void note_fragment(const struct smtpd_policy_conn *conn, const char *what)
{
    struct slice in = stream_input(conn->stream);
    size_t lf = slice_rfind(in, '\n');
    bool has_name = slice_find(lf == SIZE_MAX ? in : slice_from(in, lf + 1), '=') != SIZE_MAX;
    if (conn->call && in.len > 0)
        log_warn(NULL, "%s on %s while reading input attribute %s", what,
                 conn->policy->settings.name, has_name ? "value" : "name");
}

static void on_closed(void *owner, struct stream *stream, const struct err *err)
{
    (void)stream;
    (void)err;
    note_fragment(owner, "premature end-of-input");
    conn_failed(owner, no_answer, true);
}

static void on_timeout(void *owner, struct stream *stream)
{
    (void)stream;
    note_fragment(owner, "timeout");
    conn_failed(owner, strerror(ETIMEDOUT), false);
}

static const struct stream_events conn_events = {on_input, on_closed, on_timeout, NULL};

static void conn_send(struct smtpd_policy_conn *conn, struct smtpd_policy_call *call)
{
    conn->call = call;
    call->conn = conn;
    conn->requests++;
    stream_write(conn->stream, strbuf_slice(&call->request));
    stream_deadline(conn->stream, conn->policy->settings.timeout * 1000);
}

static void on_connected(void *owner, int fd, const struct err *err)
{
    struct smtpd_policy_call *call = owner;
    struct smtpd_policy *p = call->policy;
    call->connect = NULL;
    if (fd < 0) {
        log_warn(NULL, "connect to %s: %s", p->settings.name, err->reason);
        call_failed(call, err->reason, strcmp(err->reason, strerror(ENOENT)) == 0);
        return;
    }
    struct smtpd_policy_conn *conn = xzalloc(sizeof *conn);
    conn->policy = p;
    conn->opened_ms = clock_now_ms();
    conn->stream = stream_new(call->s->server->loop, fd, &conn_events, conn);
    stream_input_max(conn->stream, SMTPD_POLICY_REPLY_MAX);
    conn_give(conn, call->s);
    conn_send(conn, call);
}

static void call_try(void *owner)
{
    struct smtpd_policy_call *call = owner;
    struct smtpd_policy *p = call->policy;
    struct smtpd_policy_conn *conn;
    call->tries++;
    while ((conn = conn_find(p, call->s)) && conn_is_spent(conn))
        conn_free(conn);
    if (conn)
        conn_send(conn, call);
    else
        call->connect =
            connect_start(call->s->server->loop, call->s->server->pool, p->settings.endpoint,
                          p->settings.timeout * 1000, on_connected, call);
}

struct smtpd_policy_call *smtpd_policy_ask(struct smtpd_policy *policy, struct smtpd_session *s,
                                           struct slice request, smtpd_policy_fn fn, void *owner)
{
    struct smtpd_policy_call *call = xzalloc(sizeof *call);
    *call = (struct smtpd_policy_call){.policy = policy, .s = s, .fn = fn, .owner = owner};
    strbuf_init(&call->request, SIZE_MAX / 4);
    strbuf_set_slice(&call->request, request);
    strbuf_add_char(&call->request, '\n');
    call->timer = timer_new(s->server->loop, call_try, call);
    DL_APPEND(policy->calls, call);
    call_try(call);
    return call;
}

/* Services */

struct smtpd_policy *smtpd_policy_new(const char *argument, struct err *err)
{
    struct smtpd_policy *p = xzalloc(sizeof *p);
    if (smtpd_policy_settings_parse(&p->settings, argument, err))
        return p;
    smtpd_policy_free(p);
    return NULL;
}

void smtpd_policy_free(struct smtpd_policy *p)
{
    struct smtpd_policy_call *call, *next_call;
    struct smtpd_policy_conn *conn, *next_conn;
    if (!p)
        return;
    DL_FOREACH_SAFE (p->calls, call, next_call)
        call_free(call);
    DL_FOREACH_SAFE (p->idle, conn, next_conn)
        conn_free(conn);
    smtpd_policy_settings_done(&p->settings);
    free(p);
}

const struct smtpd_policy_settings *smtpd_policy_get_settings(const struct smtpd_policy *p)
{
    return &p->settings;
}
