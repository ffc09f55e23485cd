/*
 * Each session is a little machine that sends one command, waits for its reply, and goes on; no
 * pipelining. The number of messages left is shared by all sessions. With QMQP a session is one
 * request and its answer.
 */
#include "tools/smtp-source/source_run.h"

#include "base/text.h"
#include "base/xmem.h"
#include "tools/smtp-source/source_endpoint.h"
#include "tools/smtp-source/source_qmqp.h"
#include "tools/smtp-source/source_text.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

enum { REPLY_MAX = 100000, TIMEOUT_S = 300 };

enum state { AT_BANNER, AT_HELO, AT_MAIL, AT_RCPT, AT_DATA, AT_DOT, AT_RSET, AT_QUIT };

/* What a refusal is called. RSET and QUIT cannot be refused. */
static const char *const refused[] = {
    [AT_BANNER] = "rejected at server banner",
    [AT_HELO] = "HELO rejected",
    [AT_MAIL] = "sender rejected",
    [AT_RCPT] = "recipient rejected",
    [AT_DATA] = "data rejected",
    [AT_DOT] = "end of data rejected",
};

struct run {
    const struct source_options *options;
    struct event_base *base;
    struct source_endpoint endpoint;
    struct strbuf body; /* QMQP: the whole request */
    unsigned left;      /* messages that no session has begun */
    unsigned finished;  /* for -c */
    unsigned sequence;  /* for -N */
};

struct session {
    struct run *run;
    struct bufferevent *io; /* NULL between connections */
    struct event *timer;
    enum state state;
    unsigned rcpts_sent, rcpts_taken, replies_due;
    size_t address; /* of the endpoint, tried now */
    unsigned tries;
    struct strbuf reply;
    bool connected;
};

static void connect_session(struct session *s);

static void say(struct session *s, enum state state, const char *fmt, ...) PRINTF(3, 4);
static void say(struct session *s, enum state state, const char *fmt, ...)
{
    const struct source_options *o = s->run->options;
    CLEANUP(strbuf_done) struct strbuf line = STRBUF_ANY;
    va_list ap;
    va_start(ap, fmt);
    strbuf_vaddf(&line, fmt, ap);
    va_end(ap);
    if (o->verbose)
        fprintf(stderr, "%s: %s\n", o->program, line.s);
    strbuf_add_str(&line, "\r\n");
    bufferevent_write(s->io, line.s, line.len);
    s->state = state;
}

static void disconnect(struct session *s)
{
    if (s->io)
        bufferevent_free(s->io);
    s->io = NULL;
    s->connected = false;
}

static void session_free(struct session *s)
{
    disconnect(s);
    event_free(s->timer);
    strbuf_done(&s->reply);
    free(s);
}

static void send_mail(struct session *s)
{
    s->rcpts_sent = s->rcpts_taken = 0;
    say(s, AT_MAIL, "MAIL FROM:<%s>", s->run->options->sender);
}

static void send_rcpt(struct session *s)
{
    const struct source_options *o = s->run->options;
    unsigned number = o->recipients - s->rcpts_sent++; /* counts down; the last goes without */
    if (o->number_addresses)
        say(s, AT_RCPT, "RCPT TO:<%u%s>", ++s->run->sequence, o->recipient);
    else if (number > 1)
        say(s, AT_RCPT, "RCPT TO:<%u%s>", number, o->recipient);
    else
        say(s, AT_RCPT, "RCPT TO:<%s>", o->recipient);
}

static void send_text(struct session *s)
{
    struct run *run = s->run;
    CLEANUP(strbuf_done) struct strbuf header = STRBUF_ANY;
    source_text_header(run->options, bufferevent_getfd(s->io), run->left, &header);
    bufferevent_write(s->io, header.s, header.len);
    /* the body is the same for all: lend it, do not copy it */
    evbuffer_add_reference(bufferevent_get_output(s->io), run->body.s, run->body.len, NULL, NULL);
    s->replies_due = run->options->lmtp ? s->rcpts_taken : 1;
    say(s, AT_DOT, ".");
}

static void pause_session(struct session *s)
{
    const struct source_options *o = s->run->options;
    unsigned seconds = o->random_wait ? (unsigned)random() % (o->wait_s + 1) : o->wait_s;
    struct timeval delay = {.tv_sec = seconds};
    event_add(s->timer, &delay);
}

/* Take one of the messages that are left; false when there is none. */
static bool take_message(struct run *run)
{
    if (run->left == 0)
        return false;
    run->left--;
    return true;
}

/* The transaction is over, well or not. */
static void next_message(struct session *s)
{
    const struct source_options *o = s->run->options;
    if (!o->keep_session || s->run->left == 0)
        say(s, AT_QUIT, "QUIT");
    else if (o->wait_s > 0)
        pause_session(s);
    else if (take_message(s->run))
        send_mail(s);
}

/* The connection is closed; another one if there is more to send. */
static void next_session(struct session *s)
{
    disconnect(s);
    if (s->run->left == 0)
        session_free(s);
    else if (s->run->options->wait_s > 0)
        pause_session(s);
    else if (take_message(s->run))
        connect_session(s);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct session *s = arg;
    (void)fd;
    (void)what;
    if (!take_message(s->run)) {
        if (s->connected)
            say(s, AT_QUIT, "QUIT");
        else
            session_free(s);
    } else if (s->connected) {
        send_mail(s);
    } else {
        connect_session(s);
    }
}

static void message_done(struct session *s)
{
    struct run *run = s->run;
    run->finished++;
    if (run->options->counter) {
        printf("%u\r", run->finished);
        fflush(stdout);
    }
    if (run->options->qmqp)
        next_session(s);
    else
        next_message(s);
}

/* What follows a reply that is as expected, or tolerated. */
static void advance(struct session *s, bool good)
{
    const struct source_options *o = s->run->options;
    switch (s->state) {
    case AT_BANNER:
        if (o->old_mode)
            send_mail(s);
        else
            say(s, AT_HELO, "%s %s", o->lmtp ? "LHLO" : "HELO", o->hostname);
        break;
    case AT_HELO:
        send_mail(s);
        break;
    case AT_MAIL:
        if (good)
            send_rcpt(s);
        else
            say(s, AT_RSET, "RSET");
        break;
    case AT_RCPT:
        s->rcpts_taken += good;
        if (s->rcpts_sent < o->recipients)
            send_rcpt(s);
        else if (s->rcpts_taken > 0)
            say(s, AT_DATA, "DATA");
        else
            say(s, AT_RSET, "RSET");
        break;
    case AT_DATA:
        if (good)
            send_text(s);
        else
            say(s, AT_RSET, "RSET");
        break;
    case AT_DOT:
        if (--s->replies_due == 0)
            message_done(s);
        break;
    case AT_RSET:
        next_message(s);
        break;
    case AT_QUIT:
        next_session(s);
        break;
    }
}

static void on_reply(struct session *s)
{
    const struct source_options *o = s->run->options;
    char expected = s->state == AT_DATA ? '3' : '2';
    bool good = s->reply.s[0] == expected;
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    text_add_printable(&text, strbuf_slice(&s->reply));
    if (o->verbose)
        fprintf(stderr, "%s: <<< %s\n", o->program, text.s);
    if (!good && s->state < AT_RSET) {
        if (!o->tolerant)
            source_fatal(o, "%s: %s", refused[s->state], text.s);
        source_warn(o, "%s: %s", refused[s->state], text.s);
    }
    strbuf_reset(&s->reply);
    advance(s, good);
}

/* Gather the lines of a reply, the code once; true when it is complete. */
static bool add_line(struct session *s, struct slice line)
{
    if (s->reply.len > 0) {
        strbuf_add_char(&s->reply, '\n');
        strbuf_add_slice(&s->reply, slice_from(line, 4));
    } else {
        strbuf_addf(&s->reply, "%.3s %.*s", line.s, SLICE_ARG(slice_from(line, 4)));
    }
    return line.len < 4 || line.s[3] != '-';
}

/* QMQP: there is one answer, and the session is over. */
static void on_answer(struct bufferevent *io, void *arg)
{
    struct session *s = arg;
    const struct source_options *o = s->run->options;
    struct evbuffer *input = bufferevent_get_input(io);
    size_t len = evbuffer_get_length(input);
    struct slice got = {(const char *)evbuffer_pullup(input, -1), len};
    if (source_qmqp_answer(o, got))
        message_done(s);
    else if (len > REPLY_MAX)
        source_fatal(o, "reply too long");
}

static void on_readable(struct bufferevent *io, void *arg)
{
    struct session *s = arg;
    struct evbuffer *input = bufferevent_get_input(io);
    size_t len;
    char *line;
    while ((line = evbuffer_readln(input, &len, EVBUFFER_EOL_CRLF)) != NULL) {
        bool complete = add_line(s, (struct slice){line, len});
        free(line);
        if (complete) {
            bool last = s->state == AT_QUIT;
            on_reply(s);
            if (last)
                return; /* the session may be gone */
        }
    }
    if (evbuffer_get_length(input) > REPLY_MAX || s->reply.overflow)
        source_fatal(s->run->options, "reply too long");
}

static void connection_failed(struct session *s)
{
    const struct source_options *o = s->run->options;
    int why = EVUTIL_SOCKET_ERROR();
    disconnect(s);
    if (++s->address >= s->run->endpoint.count) {
        s->address = 0;
        if (++s->tries >= o->connect_tries || why != ECONNREFUSED)
            source_fatal(o, "connect: %s", strerror(why));
    }
    connect_session(s);
}

static void on_event(struct bufferevent *io, short what, void *arg)
{
    struct session *s = arg;
    const struct source_options *o = s->run->options;
    (void)io;
    if (what & BEV_EVENT_CONNECTED) {
        s->connected = true;
        bufferevent_enable(s->io, EV_READ);
        if (o->qmqp)
            bufferevent_write(s->io, s->run->body.s, s->run->body.len);
    } else if (!s->connected) {
        connection_failed(s);
    } else if (s->state == AT_QUIT) {
        next_session(s); /* no reply to QUIT is as good as one */
    } else {
        const char *reason = what & BEV_EVENT_TIMEOUT ? "timeout" : "lost connection";
        if (!o->tolerant)
            source_fatal(o, "%s while waiting for a reply", reason);
        source_warn(o, "%s while waiting for a reply", reason);
        next_session(s);
    }
}

static void connect_session(struct session *s)
{
    const struct source_options *o = s->run->options;
    const struct sockaddr *address =
        (const struct sockaddr *)&s->run->endpoint.at[s->address].address;
    struct timeval limit = {.tv_sec = TIMEOUT_S};
    int one = 1;
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        source_fatal(o, "socket: %s", strerror(errno));
    if (address->sa_family != AF_UNIX)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (o->window > 0) {
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &o->window, sizeof o->window);
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &o->window, sizeof o->window);
    }
    s->io = bufferevent_socket_new(s->run->base, fd, BEV_OPT_CLOSE_ON_FREE);
    if (!s->io)
        source_fatal(o, "out of memory");
    s->state = AT_BANNER;
    strbuf_reset(&s->reply);
    bufferevent_setcb(s->io, o->qmqp ? on_answer : on_readable, NULL, on_event, s);
    bufferevent_set_timeouts(s->io, &limit, &limit);
    if (bufferevent_socket_connect(s->io, address, (int)s->run->endpoint.at[s->address].len) < 0)
        source_fatal(o, "connect: %s", strerror(errno));
}

void source_run(const struct source_options *options)
{
    struct run run = {.options = options,
                      .base = event_base_new(),
                      .body = STRBUF_ANY,
                      .left = options->messages};
    if (!run.base)
        source_fatal(options, "cannot make an event loop");
    source_endpoint_find(options, &run.endpoint);
    if (options->qmqp)
        source_qmqp_request(options, &run.body);
    else
        source_text_body(options, &run.body);
    for (unsigned i = 0; i < options->sessions && take_message(&run); i++) {
        struct session *s = xzalloc(sizeof *s);
        s->run = &run;
        s->timer = event_new(run.base, -1, 0, on_timer, s);
        if (!s->timer)
            source_fatal(options, "out of memory");
        strbuf_init(&s->reply, REPLY_MAX);
        connect_session(s);
    }
    event_base_dispatch(run.base);
    event_base_free(run.base);
    strbuf_done(&run.body);
    if (options->counter)
        putchar('\n');
}
