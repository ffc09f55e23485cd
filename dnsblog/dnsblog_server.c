#include "dnsblog/dnsblog_server.h"

#include "base/xmem.h"
#include "ipc/chan.h"
#include "log/log.h"
#include "mail/dnsblog_msg.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum { QUESTIONS_MAX = 200000 }; /* of one connection, under way at once */

struct dnsblog_server {
    struct dns *dns;
    struct loop *loop;
    int64_t reply_delay_ms;
    void (*on_gone)(void);
    struct connection *connections;
    bool is_retiring;
};

struct connection {
    struct dnsblog_server *server;
    struct chan *chan;
    struct question *questions;
    size_t count;
    struct later closing;
    struct connection *prev, *next;
};

struct question {
    struct connection *connection;
    int64_t id;
    struct dns_query *query;
    struct timer *delay;
    char *address, *domain, *name;
    struct question *prev, *next;
};

/* --- questions -------------------------------------------------------------------------------- */

static void question_free(struct question *q)
{
    DL_DELETE(q->connection->questions, q);
    q->connection->count--;
    dns_query_cancel(q->query);
    timer_free(q->delay);
    free(q->address);
    free(q->domain);
    free(q->name);
    free(q);
}

static void connection_free(struct connection *c)
{
    void (*on_gone)(void) = c->server->on_gone;
    struct question *q, *next;
    DL_FOREACH_SAFE (c->questions, q, next)
        question_free(q);
    DL_DELETE(c->server->connections, c);
    loop_later_cancel(c->server->loop, &c->closing);
    chan_free(c->chan);
    free(c);
    on_gone();
}

static void close_when_idle(void *owner)
{
    struct connection *c = owner;
    if (c->server->is_retiring && c->count == 0 && stream_output_pending(chan_stream(c->chan)) == 0)
        connection_free(c);
}

static void answer(struct question *q, const char *addresses, int64_t ttl)
{
    struct connection *c = q->connection;
    const struct dnsblog_answer msg = {.id = q->id, .addresses = addresses, .ttl = ttl};
    chan_send(c->chan, DNSBLOG_ANSWER, &dnsblog_answer_type, &msg);
    question_free(q);
    if (c->server->is_retiring) {
        stream_flush(chan_stream(c->chan));
        loop_later(c->server->loop, &c->closing);
    }
}

static void log_listings(const struct question *q, const struct dns_answer *a,
                         struct strbuf *addresses)
{
    for (size_t i = 0; i < a->count; i++) {
        log_info(NULL, "addr %s listed by domain %s as %s", q->address, q->domain,
                 a->records[i].text);
        strbuf_addf(addresses, "%s%s", i ? " " : "", a->records[i].text);
    }
}

static void on_answer(void *owner, const struct dns_answer *a, const struct err *err)
{
    struct question *q = owner;
    CLEANUP(strbuf_done) struct strbuf addresses = STRBUF_ANY;
    struct slice rest = slice_of(a->warnings), line;
    q->query = NULL;
    while (slice_next_line(&rest, &line))
        log_warn(NULL, "%.*s", SLICE_ARG(line));
    if (a->status == DNS_FOUND)
        log_listings(q, a, &addresses);
    else if (a->status == DNS_FAILED || a->status == DNS_INVALID)
        log_warn(NULL, "dnsblog_query: lookup error for DNS query %s: %s", q->name, err->reason);
    answer(q, addresses.s, a->ttl);
}

static void question_start(struct question *q)
{
    q->query = dns_query_start(q->connection->server->dns, q->name, DNS_A, on_answer, q);
}

static void on_delay(void *owner)
{
    question_start(owner);
}

bool dnsblog_query_name(const char *address, const char *domain, struct strbuf *out)
{
    static const char *const trees[] = {".in-addr.arpa", ".ip6.arpa"};
    strbuf_reset(out);
    if (!dns_reverse_name(address, out))
        return false;
    for (size_t i = 0; i < COUNT_OF(trees); i++)
        if (slice_ends(strbuf_slice(out), trees[i]))
            strbuf_truncate(out, out->len - strlen(trees[i]));
    strbuf_addf(out, ".%s", domain);
    return !out->overflow;
}

/* --- connections ------------------------------------------------------------------------------ */

static void take_question(struct connection *c, const struct dnsblog_ask *ask)
{
    CLEANUP(strbuf_done) struct strbuf name = STRBUF_INIT(DNS_NAME_MAX);
    struct question *q = xzalloc(sizeof *q);
    q->connection = c;
    q->id = ask->id;
    q->address = xstrdup(ask->address);
    q->domain = xstrdup(ask->domain);
    DL_APPEND(c->questions, q);
    c->count++;
    if (!dnsblog_query_name(ask->address, ask->domain, &name)) {
        log_warn(NULL, "dnsblog_query: no such name: %s under %s", ask->address, ask->domain);
        answer(q, "", -1);
        return;
    }
    q->name = xstrdup(name.s);
    if (c->server->reply_delay_ms == 0) {
        question_start(q);
        return;
    }
    q->delay = timer_new(c->server->loop, on_delay, q);
    timer_start(q->delay, c->server->reply_delay_ms);
}

static void on_message(void *owner, struct chan *chan, uint16_t kind, struct slice body)
{
    (void)chan;
    struct connection *c = owner;
    CLEANUP(arena_free_ptr) struct arena *arena = arena_new("dnsblog");
    struct dnsblog_ask ask;
    struct err err = ERR_INIT;
    if (kind == DNSBLOG_ASK && c->count < QUESTIONS_MAX &&
        msg_decode(&dnsblog_ask_type, body, arena, &ask, &err)) {
        take_question(c, &ask);
        return;
    }
    log_warn(NULL, "bad question: %s", err.reason[0] ? err.reason : "wrong kind, or too many");
    connection_free(c);
}

static void on_closed(void *owner, struct chan *chan, const struct err *err)
{
    (void)chan;
    if (err->kind != ERR_NONE)
        log_warn(NULL, "lost connection: %s", err->reason);
    connection_free(owner);
}

void dnsblog_server_accept(struct dnsblog_server *server, int fd)
{
    static const struct chan_events events = {.on_message = on_message, .on_closed = on_closed};
    struct connection *c = xzalloc(sizeof *c);
    c->server = server;
    c->closing = (struct later){.fn = close_when_idle, .owner = c};
    c->chan = chan_new(server->loop, fd, &events, c);
    DL_APPEND(server->connections, c);
}

struct dnsblog_server *dnsblog_server_new(int64_t reply_delay_ms, struct err *err)
{
    struct dnsblog_server *server = xzalloc(sizeof *server);
    server->reply_delay_ms = reply_delay_ms;
    server->dns = dns_new(err);
    if (server->dns)
        return server;
    free(server);
    return NULL;
}

void dnsblog_server_start(struct dnsblog_server *server, struct loop *loop, void (*on_gone)(void))
{
    server->loop = loop;
    server->on_gone = on_gone;
    dns_start(server->dns, loop);
}

void dnsblog_server_retire(struct dnsblog_server *server)
{
    struct connection *c;
    server->is_retiring = true;
    DL_FOREACH (server->connections, c)
        loop_later(server->loop, &c->closing);
}
