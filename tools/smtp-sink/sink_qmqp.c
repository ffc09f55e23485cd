/*
 * A request is one netstring (cr.yp.to/proto/qmqp.html): its length is read, its bytes are thrown
 * away as they come, and what follows is the answer.
 */
#include "tools/smtp-sink/sink_qmqp.h"

#include "base/num.h"
#include "base/xmem.h"
#include "tools/smtp-sink/sink_listen.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <sys/queue.h>

enum { DIGITS_MAX = 18 };

struct server {
    const struct sink_options *options;
    struct event_base *base;
    LIST_HEAD(, client) clients;
    unsigned messages;
};

struct client {
    LIST_ENTRY(client) next;
    struct server *server;
    struct bufferevent *io;
    bool has_length, answered;
    uint64_t left; /* bytes of the request, its comma too */
};

static void client_end(struct client *c, const char *why)
{
    const struct sink_options *o = c->server->options;
    if (why)
        fprintf(stderr, "%s: warning: %s\n", o->program, why);
    if (o->verbose)
        fprintf(stderr, "%s: disconnect\n", o->program);
    LIST_REMOVE(c, next);
    bufferevent_free(c->io);
    free(c);
}

/* The digits before the colon, once they are all there. NULL, or why they are wrong. */
static const char *take_length(struct client *c, struct evbuffer *input)
{
    char start[DIGITS_MAX + 1];
    size_t len = (size_t)evbuffer_copyout(input, start, sizeof start);
    struct slice digits, rest;
    if (!slice_split((struct slice){start, len}, ':', &digits, &rest))
        return len < sizeof start && (len == 0 || (start[0] >= '0' && start[0] <= '9'))
                   ? NULL
                   : "netstring format error";
    if (!num_parse_u64(digits, 10, &c->left))
        return "netstring format error";
    evbuffer_drain(input, digits.len + 1);
    c->left++;
    c->has_length = true;
    return NULL;
}

/* Throw away what is there; false when the request does not end in its comma. */
static bool take_request(struct client *c, struct evbuffer *input)
{
    size_t len = (size_t)MIN(c->left, (uint64_t)evbuffer_get_length(input));
    if (len > 0 && len == c->left) {
        char last;
        evbuffer_drain(input, len - 1);
        evbuffer_remove(input, &last, 1);
        c->left = 0;
        return last == ',';
    }
    evbuffer_drain(input, len);
    c->left -= len;
    return true;
}

static void on_readable(struct bufferevent *io, void *arg)
{
    static const char answer[] = "3:KOk,";
    struct client *c = arg;
    struct server *server = c->server;
    struct evbuffer *input = bufferevent_get_input(io);
    const char *wrong = c->has_length ? NULL : take_length(c, input);
    if (!wrong && c->has_length && !take_request(c, input))
        wrong = "netstring format error";
    if (wrong) {
        client_end(c, wrong);
    } else if (c->has_length && c->left == 0) {
        server->messages++;
        if (server->options->counters) {
            printf("%u\r", server->messages);
            fflush(stdout);
        }
        c->answered = true; /* on_written() ends it */
        bufferevent_disable(io, EV_READ);
        bufferevent_write(io, answer, sizeof answer - 1);
    }
}

static void on_written(struct bufferevent *io, void *arg)
{
    struct client *c = arg;
    (void)io;
    if (c->answered)
        client_end(c, NULL);
}

static void on_event(struct bufferevent *io, short what, void *arg)
{
    (void)io;
    client_end(arg, what & BEV_EVENT_TIMEOUT ? "timeout" : "lost connection");
}

static void on_client(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
                      int len, void *arg)
{
    struct server *server = arg;
    const struct sink_options *o = server->options;
    struct timeval limit = {.tv_sec = o->timeout_s};
    (void)listener;
    (void)address;
    (void)len;
    if (o->verbose)
        fprintf(stderr, "%s: connect\n", o->program);
    struct client *c = xzalloc(sizeof *c);
    c->server = server;
    LIST_INSERT_HEAD(&server->clients, c, next);
    c->io = bufferevent_socket_new(server->base, fd, BEV_OPT_CLOSE_ON_FREE);
    if (!c->io)
        sink_fatal(o, "out of memory");
    bufferevent_setcb(c->io, on_readable, on_written, on_event, c);
    bufferevent_set_timeouts(c->io, &limit, &limit);
    bufferevent_enable(c->io, EV_READ | EV_WRITE);
}

void sink_qmqp_run(const struct sink_options *options, const int *fds, size_t count)
{
    struct server server = {.options = options, .base = event_base_new()};
    struct evconnlistener *listeners[SINK_LISTEN_MAX];
    struct timeval limit = {.tv_sec = options->end_s};
    if (!server.base)
        sink_fatal(options, "cannot make an event loop");
    for (size_t i = 0; i < count; i++) {
        listeners[i] =
            evconnlistener_new(server.base, on_client, &server, LEV_OPT_CLOSE_ON_FREE, 0, fds[i]);
        if (!listeners[i])
            sink_fatal(options, "cannot watch the listening socket");
    }
    if (options->end_s > 0)
        event_base_loopexit(server.base, &limit);
    event_base_dispatch(server.base);
    if (options->counters)
        putchar('\n');
    while (!LIST_EMPTY(&server.clients))
        client_end(LIST_FIRST(&server.clients), NULL);
    for (size_t i = 0; i < count; i++)
        evconnlistener_free(listeners[i]);
    event_base_free(server.base);
}
