/*
 * One libevent loop. A client is read from only while its session can take more: a reply that has
 * to wait (options -w, -W, -A, -H) turns reading off and a timer on.
 */
#include "tools/smtp-sink/sink_server.h"

#include "base/xmem.h"
#include "tools/smtp-sink/sink_listen.h"
#include "tools/smtp-sink/sink_session.h"

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/queue.h>
#include <sys/socket.h>

enum { LINE_MAX_BYTES = 100000 };

struct server {
    const struct sink_options *options;
    struct event_base *base;
    struct evconnlistener *listeners[SINK_LISTEN_MAX];
    size_t listener_count;
    LIST_HEAD(, client) clients;
    unsigned open, sessions, quits, messages;
};

/* What a client waits for when its timer runs. */
enum waiting {
    NOT_WAITING,
    WAIT_GREETING,
    WAIT_COMMAND,
    WAIT_DOT,
    WAIT_READ,
    WAIT_ABORT,
    WAIT_END
};

struct client {
    LIST_ENTRY(client) next;
    struct server *server;
    struct bufferevent *io;
    struct event *timer;
    struct sink_session session;
    enum waiting waiting;
    char *line; /* the command that waits for its reply */
    bool in_data, closing;
};

static void show_counters(const struct server *server)
{
    if (!server->options->counters)
        return;
    printf("sess=%u quit=%u mesg=%u\r", server->sessions, server->quits, server->messages);
    fflush(stdout);
}

static void listen_more(struct server *server, bool on)
{
    for (size_t i = 0; i < server->listener_count; i++)
        on ? evconnlistener_enable(server->listeners[i])
           : evconnlistener_disable(server->listeners[i]);
}

static void client_free(struct client *c)
{
    LIST_REMOVE(c, next);
    bufferevent_free(c->io);
    event_free(c->timer);
    sink_session_done(&c->session);
    free(c->line);
    free(c);
}

/* The session is over: count it, and let the next one in. */
static void client_end(struct client *c)
{
    struct server *server = c->server;
    const struct sink_options *o = server->options;
    if (o->verbose)
        fprintf(stderr, "%s: disconnect\n", o->program);
    server->sessions++;
    server->quits += c->session.quit;
    show_counters(server);
    if (server->open-- == o->max_sessions)
        listen_more(server, true);
    if (o->quit_after_sessions && server->sessions >= o->quit_after_sessions)
        event_base_loopbreak(server->base);
    client_free(c);
}

static void wait_for(struct client *c, enum waiting what, unsigned seconds)
{
    struct timeval delay = {.tv_sec = seconds};
    c->waiting = what;
    bufferevent_disable(c->io, EV_READ);
    event_add(c->timer, &delay);
}

/* How long a command's reply has to wait; -W can ask for a random multiple. */
static unsigned delay_of(const struct sink_options *o, enum sink_verb verb)
{
    if (verb >= SINK_VERBS || o->rules[verb].delay_s == 0)
        return 0;
    const struct sink_rule *rule = &o->rules[verb];
    unsigned rolls = 1;
    while (rule->odds > 0 && rolls < 1000 && (unsigned)(random() % 100) < rule->odds)
        rolls++;
    return rule->delay_s * rolls;
}

static void flush_replies(struct client *c)
{
    struct strbuf *out = &c->session.out;
    if (out->len > 0)
        bufferevent_write(c->io, out->s, out->len);
    strbuf_reset(out);
}

/* After a reply: false when the client is gone. */
static bool go_on(struct client *c, enum sink_next next)
{
    const struct sink_options *o = c->server->options;
    flush_replies(c);
    if (next == SINK_NEXT_CLOSE) {
        if (evbuffer_get_length(bufferevent_get_output(c->io)) == 0) {
            client_end(c);
            return false;
        }
        c->closing = true; /* on_written() ends it */
        bufferevent_disable(c->io, EV_READ);
    } else if (next == SINK_NEXT_DATA) {
        c->in_data = true;
        if (o->aborts)
            wait_for(c, WAIT_ABORT, o->abort_delay_s);
        else if (o->data_read_delay_s > 0)
            wait_for(c, WAIT_READ, o->data_read_delay_s);
    }
    return true;
}

static bool message_done(struct client *c)
{
    struct server *server = c->server;
    const struct sink_options *o = server->options;
    c->in_data = false;
    server->messages++;
    show_counters(server);
    if (!go_on(c, sink_session_dot(&c->session)))
        return false;
    if (o->quit_after_messages && server->messages >= o->quit_after_messages)
        event_base_loopbreak(server->base);
    return true;
}

static bool take_text(struct client *c, struct evbuffer *input)
{
    size_t len = evbuffer_get_contiguous_space(input);
    struct slice in = {(const char *)evbuffer_pullup(input, (ev_ssize_t)len), len};
    bool end = sink_session_text(&c->session, &in);
    evbuffer_drain(input, len - in.len);
    if (!end)
        return true;
    unsigned delay = delay_of(c->server->options, SINK_DOT);
    if (delay == 0)
        return message_done(c);
    c->in_data = false;
    wait_for(c, WAIT_DOT, delay);
    return true;
}

static bool take_line(struct client *c, char *text, size_t len)
{
    const struct sink_options *o = c->server->options;
    struct slice line = {text, len};
    unsigned delay = delay_of(o, sink_session_verb(line));
    if (o->verbose)
        fprintf(stderr, "%s: %.*s\n", o->program, SLICE_ARG(line));
    if (delay == 0)
        return go_on(c, sink_session_command(&c->session, line));
    c->line = slice_dup(line);
    wait_for(c, WAIT_COMMAND, delay);
    return true;
}

/* Work on what has arrived, as far as the session can go. */
static void process(struct client *c)
{
    struct evbuffer *input = bufferevent_get_input(c->io);
    while (c->waiting == NOT_WAITING && !c->closing && evbuffer_get_length(input) > 0) {
        if (c->in_data) {
            if (!take_text(c, input))
                return;
            continue;
        }
        size_t len;
        char *line = evbuffer_readln(input, &len, EVBUFFER_EOL_CRLF);
        if (!line) {
            if (evbuffer_get_length(input) > LINE_MAX_BYTES)
                client_end(c); /* no command is that long */
            return;
        }
        bool there = take_line(c, line, len);
        free(line);
        if (!there)
            return;
    }
}

static void on_readable(struct bufferevent *io, void *arg)
{
    (void)io;
    process(arg);
}

static void on_written(struct bufferevent *io, void *arg)
{
    struct client *c = arg;
    if (c->closing && evbuffer_get_length(bufferevent_get_output(io)) == 0)
        client_end(c);
}

/* Disconnected, failed, or timed out. */
static void on_event(struct bufferevent *io, short what, void *arg)
{
    struct client *c = arg;
    (void)io;
    if ((what & BEV_EVENT_TIMEOUT) && c->server->options->verbose)
        fprintf(stderr, "%s: timeout\n", c->server->options->program);
    client_end(c);
}

static void start_reading(struct client *c)
{
    c->waiting = NOT_WAITING;
    bufferevent_enable(c->io, EV_READ);
    process(c);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    static const char violation[] = "550 This violates SMTP\r\n";
    struct client *c = arg;
    enum waiting waited_for = c->waiting;
    (void)fd;
    (void)what;
    c->waiting = NOT_WAITING;
    if (waited_for == WAIT_END) {
        client_end(c);
    } else if (waited_for == WAIT_ABORT) {
        bufferevent_write(c->io, violation, sizeof violation - 1);
        wait_for(c, WAIT_END, c->server->options->timeout_s); /* deaf until then */
    } else if (waited_for == WAIT_GREETING) {
        if (go_on(c, sink_session_greet(&c->session)) && !c->closing)
            start_reading(c);
    } else if (waited_for == WAIT_DOT) {
        if (message_done(c) && !c->closing)
            start_reading(c);
    } else if (waited_for == WAIT_COMMAND) {
        CLEANUP(xfree_ptr) char *line = c->line;
        c->line = NULL;
        if (go_on(c, sink_session_command(&c->session, slice_of(line))) && !c->closing &&
            c->waiting == NOT_WAITING)
            start_reading(c);
    } else {
        start_reading(c);
    }
}

static void describe(const struct sockaddr *address, struct strbuf *out)
{
    char text[INET6_ADDRSTRLEN] = "";
    if (address->sa_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)address)->sin_addr, text, sizeof text);
    else if (address->sa_family == AF_INET6)
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)address)->sin6_addr, text, sizeof text);
    strbuf_setf(out, "%s%s", address->sa_family == AF_INET6 ? "ipv6:" : "",
                address->sa_family == AF_UNIX ? "local" : text);
}

static void on_client(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
                      int len, void *arg)
{
    struct server *server = arg;
    const struct sink_options *o = server->options;
    CLEANUP(strbuf_done) struct strbuf name = STRBUF_INIT(100);
    struct timeval limit = {.tv_sec = o->timeout_s};
    int one = 1;
    (void)listener;
    (void)len;
    describe(address, &name);
    if (o->verbose)
        fprintf(stderr, "%s: connect (%s)\n", o->program, name.s);
    if (address->sa_family != AF_UNIX)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);

    struct client *c = xzalloc(sizeof *c);
    c->server = server;
    LIST_INSERT_HEAD(&server->clients, c, next);
    c->io = bufferevent_socket_new(server->base, fd, BEV_OPT_CLOSE_ON_FREE);
    c->timer = event_new(server->base, -1, 0, on_timer, c);
    if (!c->io || !c->timer)
        sink_fatal(o, "out of memory");
    sink_session_init(&c->session, o, name.s);
    bufferevent_setcb(c->io, on_readable, on_written, on_event, c);
    bufferevent_set_timeouts(c->io, &limit, &limit);
    bufferevent_enable(c->io, EV_WRITE);
    if (++server->open == o->max_sessions)
        listen_more(server, false);

    unsigned delay = delay_of(o, SINK_CONNECT);
    if (delay > 0)
        wait_for(c, WAIT_GREETING, delay);
    else if (go_on(c, sink_session_greet(&c->session)) && !c->closing)
        start_reading(c);
}

/* No loop will run again: what fits into the socket now is the last reply. */
static void send_now(struct client *c)
{
    struct evbuffer_iovec unsent;
    if (evbuffer_peek(bufferevent_get_output(c->io), -1, NULL, &unsent, 1) > 0 &&
        send(bufferevent_getfd(c->io), unsent.iov_base, unsent.iov_len, MSG_NOSIGNAL) < 0 &&
        c->server->options->verbose)
        fprintf(stderr, "%s: last reply not sent\n", c->server->options->program);
}

void sink_server_run(const struct sink_options *options, const int *fds, size_t count)
{
    struct server server = {.options = options, .base = event_base_new()};
    if (!server.base)
        sink_fatal(options, "cannot make an event loop");
    for (size_t i = 0; i < count; i++) {
        server.listeners[i] =
            evconnlistener_new(server.base, on_client, &server, LEV_OPT_CLOSE_ON_FREE, 0, fds[i]);
        if (!server.listeners[i])
            sink_fatal(options, "cannot watch the listening socket");
        server.listener_count++;
    }
    event_base_dispatch(server.base);
    if (options->counters)
        putchar('\n');
    while (!LIST_EMPTY(&server.clients)) {
        struct client *c = LIST_FIRST(&server.clients);
        send_now(c);
        client_free(c);
    }
    for (size_t i = 0; i < count; i++)
        evconnlistener_free(server.listeners[i]);
    event_base_free(server.base);
}
