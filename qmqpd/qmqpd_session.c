#include "qmqpd/qmqpd_session.h"

#include "base/clock.h"
#include "base/xmem.h"
#include "config/common_params.h"
#include "io/sock.h"
#include "mail/peer_name.h"
#include "qmqpd/qmqpd_params.h"
#include "qmqpd/qmqpd_server.h"
#include "service/service.h"

#include <stdlib.h>
#include <string.h>

struct qmqpd_lookup {
    struct qmqpd_session *s; /* NULL: it is gone */
    struct peer_name peer;
};

/* DSN_MAX: bytes of "5.123.123 " */
enum { RECIPIENT_BYTES_MAX = 16 * 1024 * 1024, DSN_MAX = 10 };

/* Numbers of log tags: two sessions at a time never have the same. */
static bool *slots;
static uint32_t slot_count;

static uint32_t slot_take(void)
{
    uint32_t slot = 0;
    while (slot < slot_count && slots[slot])
        slot++;
    if (slot == slot_count)
        slots = xrealloc_array(slots, ++slot_count, sizeof *slots);
    slots[slot] = true;
    return slot;
}

static void set_names(struct qmqpd_session *s, const char *name)
{
    free(s->name);
    free(s->namaddr);
    s->name = xstrdup(name);
    s->namaddr = qmqpd_params.qmqpd_client_port_logging
                     ? xasprintf("%s[%s]:%d", name, s->address, s->port)
                     : xasprintf("%s[%s]", name, s->address);
}

/* The session is over; STREAM sees to its own end when an answer is on its way. */
static void session_free(struct qmqpd_session *s)
{
    if (s->lookup)
        s->lookup->s = NULL; /* on_lookup() frees it */
    s->log.queue_id[0] = '\0';
    log_info(&s->log, "disconnect from %s", s->namaddr);
    slots[s->log.session] = false;
    stream_free(s->stream);
    timer_free(s->delay);
    cleanup_stream_free(s->cleanup); /* without an answer, cleanup forgets the message */
    strbuf_done(&s->content);
    argv_done(&s->recipients);
    free(s->sender);
    free(s->name);
    free(s->address);
    free(s->namaddr);
    free(s->answer);
    free(s);
    service_client_done();
}

/* --- answers -------------------------------------------------------------------------------- */

static void send_answer(struct qmqpd_session *s)
{
    stream_printf(s->stream, "%zu:%s,", strlen(s->answer), s->answer);
    stream_close_after_output(s->stream);
    s->stream = NULL;
    session_free(s);
}

static void on_delay(void *owner)
{
    send_answer(owner);
}

/* KIND: K accepted, Z not now, D never. Bad news is not told at once. */
static void answer(struct qmqpd_session *s, char kind, const char *text)
{
    if (kind == 'D' && common_params.soft_bounce)
        kind = 'Z';
    s->answer = xasprintf("%c%s", kind, text);
    cleanup_stream_free(kind == 'K' ? NULL : s->cleanup);
    s->cleanup = kind == 'K' ? s->cleanup : NULL;
    stream_pause(s->stream, true);
    stream_deadline(s->stream, 0);
    if (kind == 'K' || qmqpd_params.qmqpd_error_delay <= 0) {
        send_answer(s);
        return;
    }
    s->delay = timer_new(service_loop(), on_delay, s);
    timer_start(s->delay, qmqpd_params.qmqpd_error_delay * 1000);
}

static void answer_error(struct qmqpd_session *s, char kind, const char *text)
{
    log_warn(&s->log, "%s: Error: %s", s->namaddr, text);
    CLEANUP(xfree_ptr) char *whole = xasprintf("Error: %s", text);
    answer(s, kind, whole);
}

/* A request that is none, or has no end. */
static void broken(struct qmqpd_session *s, const char *what, bool is_told)
{
    CLEANUP(xfree_ptr)
    char *text = xasprintf("%s while receiving %s", what, qmqpd_part_name(s->reader.part));
    log_info(&s->log, "%s: %s", s->namaddr, text);
    if (is_told)
        answer(s, 'D', text);
    else
        session_free(s);
}

/* --- the message ---------------------------------------------------------------------------- */

static void on_done(void *owner, const struct cleanup_done *done, const struct err *err)
{
    struct qmqpd_session *s = owner;
    int code = 451;
    const char *text = "4.3.0 Error: queue file write error";
    if (done)
        cleanup_status_text(done->status, &code, &text);
    else
        log_warn(&s->log, "cannot queue mail: %s", err->reason);
    if (done && done->status == 0) {
        CLEANUP(xfree_ptr) char *queued = xasprintf("Ok: queued as %s", s->log.queue_id);
        answer(s, 'K', queued);
        return;
    }
    if (done && done->reason[0])
        text = done->reason;
    /* "5.1.0 Error: no recipients": QMQP has no such code, and the word is put in front by us */
    const char *plain = strstr(text, "Error: ");
    if (plain && plain - text <= DSN_MAX)
        text = plain + strlen("Error: ");
    answer_error(s, code >= 500 ? 'D' : 'Z', text);
}

static void on_room(void *owner)
{
    struct qmqpd_session *s = owner;
    if (s->is_whole && s->fed < s->content.len)
        qmqpd_message_feed(s);
}

/* "list-@host-@[]": qmail's way to ask for VERP. False: with delimiters that may not be used. */
static bool take_verp(struct qmqpd_session *s)
{
    static const char mark[] = "-@[]";
    size_t len = strlen(s->sender);
    if (len < sizeof mark || strcmp(s->sender + len - strlen(mark), mark) != 0)
        return true;
    s->sender[len - strlen(mark)] = '\0';
    char *at = strrchr(s->sender, '@');
    if (!at || at == s->sender) {
        s->sender[len - strlen(mark)] = mark[0]; /* an address like any other */
        return true;
    }
    s->verp[0] = at[-1];
    s->verp[1] = '=';
    memmove(at - 1, at, strlen(at) + 1);
    return strchr(common_params.verp_delimiter_filter, s->verp[0]) &&
           strchr(common_params.verp_delimiter_filter, s->verp[1]);
}

static void request_done(struct qmqpd_session *s)
{
    s->is_whole = true;
    stream_pause(s->stream, true);
    stream_deadline(s->stream, 0); /* cleanup has a time limit of its own */
    if (!take_verp(s)) {
        CLEANUP(xfree_ptr)
        char *text = xasprintf("Invalid VERP delimiters: \"%s\". Need two characters from \"%s\"",
                               s->verp, common_params.verp_delimiter_filter);
        answer_error(s, 'D', text);
        return;
    }
    qmqpd_message_envelope(s);
    qmqpd_message_feed(s);
}

/* --- the request ---------------------------------------------------------------------------- */

/* False: there are too many recipients. */
static bool keep(struct qmqpd_session *s, struct slice data)
{
    if (s->reader.given == QMQPD_CONTENT)
        strbuf_add_slice(&s->content, data);
    else if (s->reader.given == QMQPD_SENDER)
        s->sender = xasprintf("%.*s", SLICE_ARG(data));
    else if ((s->recipient_bytes += data.len + 1) <= RECIPIENT_BYTES_MAX)
        argv_add_slice(&s->recipients, data);
    return s->recipient_bytes <= RECIPIENT_BYTES_MAX;
}

static void on_input(void *owner, struct stream *stream)
{
    struct qmqpd_session *s = owner;
    struct slice in = stream_input(stream), data;
    size_t before = in.len;
    enum qmqpd_status status = QMQPD_DATA;
    while (status == QMQPD_DATA) {
        status = qmqpd_read(&s->reader, &in, &data);
        if (status == QMQPD_DATA && !keep(s, data))
            status = QMQPD_TOO_LONG;
    }
    stream_consume(stream, before - in.len);
    switch (status) {
    case QMQPD_DATA:
    case QMQPD_MORE:
        stream_deadline(stream, qmqpd_params.qmqpd_timeout * 1000);
        break;
    case QMQPD_DONE:
        request_done(s);
        break;
    case QMQPD_TOO_LONG:
        broken(s, "netstring length exceeds storage limit", true);
        break;
    case QMQPD_BAD:
        broken(s, "netstring format error", true);
        break;
    }
}

static void on_closed(void *owner, struct stream *stream, const struct err *err)
{
    (void)stream;
    (void)err;
    struct qmqpd_session *s = owner;
    if (s->is_whole || s->answer || !s->cleanup) /* it hears nothing, but the mail is taken */
        stream_pause(s->stream, true);
    else
        broken(s, "lost connection", false);
}

static void on_timeout(void *owner, struct stream *stream)
{
    (void)stream;
    broken(owner, "read/write timeout", false);
}

static const struct stream_events stream_events = {on_input, on_closed, on_timeout, NULL};

static void on_opened(void *owner, const char *queue_id)
{
    struct qmqpd_session *s = owner;
    snprintf(s->log.queue_id, sizeof s->log.queue_id, "%s", queue_id);
    log_info(&s->log, "client=%s", s->namaddr);
    clock_wall(&s->arrival);
    stream_deadline(s->stream, qmqpd_params.qmqpd_timeout * 1000);
    stream_pause(s->stream, false);
    stream_poke(s->stream);
}

static const struct cleanup_events cleanup_events = {on_opened, on_done, on_room};

/* --- the client ----------------------------------------------------------------------------- */

static void begin(struct qmqpd_session *s)
{
    struct err err = ERR_INIT;
    log_info(&s->log, "connect from %s", s->namaddr);
    enum map_status status =
        match_list_find_host(qmqpd_server.authorized, s->name, s->address, &err);
    if (status == MAP_FOUND) {
        s->cleanup = cleanup_stream_open(qmqpd_server.cleanup, qmqpd_server.cleanup_flags,
                                         &cleanup_events, s);
        return;
    }
    if (status == MAP_FAILED)
        log_warn(&s->log, "%s", err.reason);
    CLEANUP(xfree_ptr)
    char *text = status == MAP_FAILED
                     ? xstrdup("Error: server configuration error")
                     : xasprintf("Error: %s is not authorized to use this service", s->namaddr);
    answer(s, status == MAP_FAILED ? 'Z' : 'D', text);
}

static void run_lookup(void *job)
{
    struct qmqpd_lookup *l = job;
    peer_name_find(&l->peer);
}

static void on_lookup(void *job)
{
    struct qmqpd_lookup *l = job;
    struct qmqpd_session *s = l->s;
    if (s) {
        s->lookup = NULL;
        if (l->peer.error[0])
            log_warn(NULL, "%s", l->peer.error);
        if (l->peer.found && l->peer.confirmed)
            set_names(s, l->peer.name);
        begin(s);
    }
    free(l);
}

static void set_peer(struct qmqpd_session *s, int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof address;
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    bool is_inet = getpeername(fd, (struct sockaddr *)&address, &length) == 0 &&
                   (address.ss_family == AF_INET || address.ss_family == AF_INET6);
    if (is_inet) {
        sock_address_text((struct sockaddr *)&address, &text);
        s->port = sock_address_port((struct sockaddr *)&address);
    }
    s->address = xstrdup(is_inet ? text.s : "127.0.0.1");
    s->family = strchr(s->address, ':') ? AF_INET6 : AF_INET;
    set_names(s, is_inet ? "unknown" : "localhost");
}

void qmqpd_session_start(int fd)
{
    struct qmqpd_session *s = xzalloc(sizeof *s);
    s->log.session = slot_take();
    s->reader = (struct qmqpd_reader){.content_max = (size_t)common_params.message_size_limit,
                                      .address_max = (size_t)common_params.line_length_limit};
    strbuf_init(&s->content, SIZE_MAX / 4);
    set_peer(s, fd);
    s->stream = stream_new(service_loop(), fd, &stream_events, s);
    stream_pause(s->stream, true);
    struct qmqpd_lookup *l = xzalloc(sizeof *l);
    if (s->port == 0 || !peer_name_init(&l->peer, s->address, s->port)) {
        free(l);
        begin(s);
        return;
    }
    l->s = s;
    s->lookup = l;
    work_submit(qmqpd_server.pool, run_lookup, on_lookup, l);
}
