#include "tlsproxy/tlsproxy_session.h"

#include "base/xmem.h"
#include "io/fd.h"
#include "io/stream.h"
#include "ipc/msg.h"
#include "log/log.h"
#include "mail/tlsproxy_msg.h"
#include "tls/tls_info.h"
#include "tls/tls_loglevel.h"
#include "tls/tls_server.h"
#include "tls/tls_session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { ASK_LIMIT_MS = 10 * 1000, FRAME_MAX = 2048, TIMEOUT_MAX_S = 24 * 3600 };

struct tlsproxy_session {
    struct tlsproxy_server *server;
    int fd; /* of the program that asks, until there is a plain stream; then -1 */
    struct watch *watch;
    struct timer *timer;
    struct strbuf in; /* the question */
    char *remote, *service;
    int64_t timeout_ms;
    int loglevel;
    bool was_asked, is_talking;
    struct stream *plain, *cipher;
    struct tls_session *tls; /* the cipher stream's */
};

/* --- the end ---------------------------------------------------------------------------------- */

static void session_free(struct tlsproxy_session *s)
{
    void (*on_end)(void) = s->server->on_session_end;
    watch_free(s->watch);
    timer_free(s->timer);
    stream_free(s->plain);
    stream_free(s->cipher);
    fd_done(&s->fd);
    strbuf_done(&s->in);
    free(s->remote);
    free(s->service);
    free(s);
    on_end();
}

/* What is left to be sent goes out first, as far as the other side takes it. */
static void session_end(struct tlsproxy_session *s)
{
    log_info(NULL, "DISCONNECT %s", s->remote);
    if (s->plain)
        stream_close_after_output(s->plain);
    if (s->cipher && s->is_talking) {
        tls_session_detach(s->tls);
        stream_close_after_output(s->cipher);
    } else
        stream_free(s->cipher);
    s->plain = s->cipher = NULL;
    session_free(s);
}

/* --- bytes ------------------------------------------------------------------------------------ */

/* Move what FROM has got to TO, as far as TO takes it. */
static void pump(struct stream *from, struct stream *to)
{
    struct slice data = stream_input(from);
    if (data.len > 0) {
        stream_write(to, data);
        stream_consume(from, data.len);
    }
    if (stream_output_is_full(to))
        stream_pause(from, true); /* goes on in on_room */
}

static void go_on(struct stream *stream)
{
    stream_pause(stream, false);
    stream_poke(stream);
}

static void on_plain_input(void *owner, struct stream *stream)
{
    struct tlsproxy_session *s = owner;
    pump(stream, s->cipher);
}

static void on_cipher_input(void *owner, struct stream *stream)
{
    struct tlsproxy_session *s = owner;
    pump(stream, s->plain);
}

static void on_plain_room(void *owner, struct stream *stream)
{
    struct tlsproxy_session *s = owner;
    (void)stream;
    go_on(s->cipher);
}

static void on_cipher_room(void *owner, struct stream *stream)
{
    struct tlsproxy_session *s = owner;
    (void)stream;
    go_on(s->plain);
}

static void on_closed(void *owner, struct stream *stream, const struct err *err)
{
    (void)stream;
    (void)err;
    session_end(owner);
}

static void log_failure(const struct tlsproxy_session *s)
{
    log_info(NULL, "TLS handshake failed for service=%s peer=%s", s->service, s->remote);
}

static void on_handshake_timeout(void *owner, struct stream *stream)
{
    (void)stream;
    log_failure(owner);
    session_end(owner);
}

static const struct stream_events plain_events = {
    .on_input = on_plain_input, .on_closed = on_closed, .on_room = on_plain_room};
static const struct stream_events cipher_events = {.on_input = on_cipher_input,
                                                   .on_closed = on_closed,
                                                   .on_timeout = on_handshake_timeout,
                                                   .on_room = on_cipher_room};

/* --- the handshake ---------------------------------------------------------------------------- */

static void on_ready(void *owner, const struct tls_info *info)
{
    struct tlsproxy_session *s = owner;
    s->is_talking = true;
    if (s->loglevel > 0) {
        CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
        tls_info_format(info, " ", " ", &text);
        log_info(NULL, "%s TLS connection established from %s: %s", tls_info_trust(info), s->remote,
                 text.s);
    }
    stream_deadline(s->cipher, 0);
    if (s->server->needs_certificate && !info->is_trusted) {
        log_info(NULL, "%s: client certificate required", s->remote);
        stream_pause(s->cipher, true);
        stream_deadline(s->cipher, 1); /* ends it from the loop, not from inside the handshake */
        return;
    }
    go_on(s->plain);
}

/* The stream is closed next. */
static void on_failed(void *owner, const char *reason, const char *library_errors)
{
    (void)reason;
    struct slice rest = slice_of(library_errors), line;
    while (slice_next_line(&rest, &line))
        log_warn(NULL, "%.*s", SLICE_ARG(line));
    log_failure(owner);
}

static void on_note(void *owner, bool is_warning, const char *line)
{
    (void)owner;
    if (is_warning)
        log_warn(NULL, "%s", line);
    else
        log_info(NULL, "%s", line);
}

static const struct tls_session_events tls_events = {on_ready, on_failed, on_note};

/* By the client's address alone: its name is not known yet. REMOTE: "[192.0.2.1]:25". */
static int loglevel_of(const struct tlsproxy_session *s)
{
    CLEANUP(strbuf_done) struct strbuf address = STRBUF_ANY, problems = STRBUF_ANY;
    struct slice text = slice_of(s->remote), port, rest, line;
    if (slice_split(slice_from(text, 1), ']', &text, &port))
        strbuf_add_slice(&address, text);
    int level = tls_loglevel_find(s->server->loglevels, "postscreen_tls_loglevel_maps", NULL,
                                  address.s, s->server->loglevel, &problems);
    rest = strbuf_slice(&problems);
    while (slice_next_line(&rest, &line))
        log_warn(NULL, "%.*s", SLICE_ARG(line));
    return level;
}

/* Both connections are there. */
static void begin(struct tlsproxy_session *s, int client)
{
    struct loop *loop = s->server->loop;
    watch_free(s->watch);
    timer_free(s->timer);
    s->watch = NULL;
    s->timer = NULL;
    s->plain = stream_new(loop, fd_take(&s->fd), &plain_events, s);
    s->cipher = stream_new(loop, client, &cipher_events, s);
    stream_pause(s->plain, true);
    s->loglevel = loglevel_of(s);
    const struct tls_session_options options = {
        .peer = s->remote, .loglevel = s->loglevel, .trace_size = s->server->trace_size};
    s->tls = tls_session_new_server(s->server->tls, loop, client, &options, &tls_events, s);
    if (!s->tls || !tls_session_begin(s->tls, s->cipher)) {
        log_failure(s);
        session_end(s);
        return;
    }
    stream_deadline(s->cipher, s->timeout_ms);
}

/* --- the question ----------------------------------------------------------------------------- */

static void reply(struct tlsproxy_session *s, const char *reason)
{
    const struct tlsproxy_answer answer = {.ready = !reason, .reason = reason};
    CLEANUP(strbuf_done) struct strbuf frame = STRBUF_INIT(FRAME_MAX);
    msg_frame(TLSPROXY_ANSWER, &tlsproxy_answer_type, &answer, &frame);
    bool sent = send(s->fd, frame.s, frame.len, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)frame.len;
    if (reason || !sent)
        session_free(s);
}

static void take_question(struct tlsproxy_session *s, struct slice body)
{
    CLEANUP(arena_free_ptr) struct arena *arena = arena_new("tlsproxy");
    struct tlsproxy_ask ask;
    struct err err = ERR_INIT;
    if (!msg_decode(&tlsproxy_ask_type, body, arena, &ask, &err)) {
        log_warn(NULL, "bad request: %s", err.reason);
        session_free(s);
        return;
    }
    s->was_asked = true;
    s->remote = xstrdup(ask.remote);
    s->service = xstrdup(ask.service);
    s->timeout_ms = MAX(MIN(ask.timeout, (int64_t)TIMEOUT_MAX_S), (int64_t)1) * 1000;
    if (strcmp(ask.role, "server") != 0)
        reply(s, "only the role of a server is built");
    else if (!s->server->tls)
        reply(s, "TLS is not configured; for details see earlier warnings in your logs");
    else
        reply(s, NULL);
}

static void read_question(struct tlsproxy_session *s)
{
    char data[FRAME_MAX];
    uint16_t kind;
    struct slice body;
    size_t size;
    ssize_t n = recv(s->fd, data, sizeof data, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0)
        strbuf_add(&s->in, data, (size_t)n);
    enum msg_frame_status status = msg_frame_next(strbuf_slice(&s->in), &kind, &body, &size);
    if (n > 0 && status == MSG_FRAME_READY && kind == TLSPROXY_ASK && size == s->in.len) {
        take_question(s, body);
    } else if (n <= 0 || status != MSG_FRAME_MORE || s->in.overflow) {
        if (n > 0)
            log_warn(NULL, "bad request");
        session_free(s);
    }
}

static void read_descriptor(struct tlsproxy_session *s)
{
    int client = fd_recv(s->fd);
    if (client < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (client < 0) {
        session_free(s); /* changed its mind */
        return;
    }
    log_info(NULL, "CONNECT from %s", s->remote);
    begin(s, client);
}

static void on_input(void *owner, unsigned events)
{
    (void)events;
    struct tlsproxy_session *s = owner;
    errno = 0;
    if (s->was_asked)
        read_descriptor(s);
    else
        read_question(s);
}

static void on_timeout(void *owner)
{
    log_warn(NULL, "timeout: no request");
    session_free(owner);
}

void tlsproxy_session_start(struct tlsproxy_server *server, int fd)
{
    struct tlsproxy_session *s = xzalloc(sizeof *s);
    *s = (struct tlsproxy_session){.server = server, .fd = fd, .in = STRBUF_INIT(FRAME_MAX)};
    s->watch = watch_new(server->loop, fd, WATCH_READ, on_input, s);
    s->timer = timer_new(server->loop, on_timeout, s);
    timer_start(s->timer, ASK_LIMIT_MS);
}
