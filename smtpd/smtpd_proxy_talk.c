/* The conversation with the before-queue filter, a step at a time. */
#include "smtpd/smtpd_proxy_private.h"

#include "base/xmem.h"
#include "log/log.h"
#include "smtpd/smtpd_params.h"
#include "smtpd/smtpd_proxy_file.h"
#include "smtpd/smtpd_server.h"
#include "smtpd/smtpd_session.h"
#include "smtpd/smtpd_tx.h"

#include <stdlib.h>

enum { CONTENT_PIECE = 64 * 1024 };

int64_t smtpd_proxy_timeout_ms(void)
{
    return smtpd_params.smtpd_proxy_timeout * 1000;
}

void smtpd_proxy_hang_up(struct smtpd_proxy *p)
{
    struct stream *stream = p->stream;
    p->stream = NULL;
    if (!stream)
        return;
    if (p->is_dead || p->says_no_quit || p->step < SMTPD_PROXY_HELLO) {
        stream_free(stream);
        return;
    }
    stream_write_str(stream, "QUIT\r\n");
    stream_deadline(stream, smtpd_proxy_timeout_ms());
    stream_close_after_output(stream);
}

/* Tell who waits; P may be gone afterwards. */
static void answer(struct smtpd_proxy *p, const struct reply *reply)
{
    struct smtpd_session *s = p->s;
    smtpd_next_fn next = p->next;
    p->next = NULL;
    if (p->stream)
        stream_deadline(p->stream, 0);
    smtpd_session_answer(s, next(s, reply));
}

/* Nothing can be had from the filter any more. */
static void fail(struct smtpd_proxy *p)
{
    struct smtpd_session *s = p->s;
    struct reply trouble = reply_text(SMTPD_PROXY_TROUBLE);
    p->is_dead = true;
    smtpd_proxy_hang_up(p);
    if (p->next) {
        answer(p, &trouble);
    } else if (p->step == SMTPD_PROXY_CONTENT) {
        s->tx->failure = SMTPD_PROXY_TROUBLE;
        stream_pause(s->stream, false); /* its content is read to the end */
        stream_poke(s->stream);
    }
}

/* The filter's words, for one line of the log. */
static const char *log_text(const struct smtpd_proxy *p, struct strbuf *out)
{
    struct slice rest = strbuf_slice(&p->reply.text), line;
    while (slice_next_line(&rest, &line))
        strbuf_addf(out, "%s%.*s", out->len ? "\r\n" : "", SLICE_ARG(line));
    return out->s;
}

static void send_command(struct smtpd_proxy *p, enum smtpd_proxy_step step, struct slice line)
{
    p->step = step;
    strbuf_set_slice(&p->sent, line);
    esmtp_reply_reset(&p->reply);
    stream_write(p->stream, line);
    stream_write_str(p->stream, "\r\n");
    stream_deadline(p->stream, smtpd_proxy_timeout_ms());
}

static bool next_in_script(struct smtpd_proxy *p, struct slice *ret_line)
{
    struct slice rest = slice_from(strbuf_slice(&p->script), p->script_at);
    if (!slice_next_line(&rest, ret_line))
        return false;
    p->script_at = p->script.len - rest.len;
    return true;
}

static void set_script(struct smtpd_proxy *p, const struct strbuf *lines)
{
    strbuf_set_slice(&p->script, strbuf_slice(lines));
    p->script_at = 0;
}

/* EHLO was answered: what of XFORWARD does the filter want to hear? */
static void plan_xforward(struct smtpd_proxy *p)
{
    struct slice rest = strbuf_slice(&p->reply.text), line;
    CLEANUP(strbuf_done) struct strbuf commands = STRBUF_ANY;
    while (esmtp_reply_next_line(&rest, &line))
        if (slice_starts_nocase(line, "XFORWARD "))
            smtpd_proxy_xforward(p->s, slice_from(line, strlen("XFORWARD ")), &commands);
    set_script(p, &commands);
}

/* Send the file's content as far as the filter takes it. */
static void send_file(struct smtpd_proxy *p)
{
    struct err err = ERR_INIT;
    char *buffer = xmalloc(CONTENT_PIECE);
    size_t size = 1;
    while (size && !stream_output_is_full(p->stream)) {
        if (!smtpd_proxy_file_read(p->file, &p->file_at, buffer, CONTENT_PIECE, &size, &err)) {
            log_warn(NULL, "%s", err.reason);
            free(buffer);
            fail(p);
            return;
        }
        stream_write(p->stream, (struct slice){buffer, size});
    }
    free(buffer);
    stream_deadline(p->stream, smtpd_proxy_timeout_ms());
    if (size)
        return; /* goes on in on_room */
    p->says_no_quit = false;
    send_command(p, SMTPD_PROXY_DOT, slice_of("."));
}

/* Send the command after an accepted one; at the end of what was asked for, say so. */
static void go_on(struct smtpd_proxy *p)
{
    struct smtpd_session *s = p->s;
    struct slice line;
    switch (p->step) {
    case SMTPD_PROXY_GREETING:
        strbuf_setf(&p->script, "EHLO %s", smtpd_params.smtpd_proxy_ehlo);
        send_command(p, SMTPD_PROXY_HELLO, strbuf_slice(&p->script));
        return;
    case SMTPD_PROXY_HELLO:
        plan_xforward(p);
        /* fall through */
    case SMTPD_PROXY_XFORWARD:
        if (next_in_script(p, &line))
            send_command(p, SMTPD_PROXY_XFORWARD, line);
        else
            send_command(p, SMTPD_PROXY_MAIL, slice_of(s->tx->mail_command));
        return;
    case SMTPD_PROXY_MAIL:
        set_script(p, &p->recipients);
        break;
    case SMTPD_PROXY_DATA:
        p->step = SMTPD_PROXY_CONTENT;
        p->says_no_quit = true;
        if (p->is_late) {
            send_file(p);
            return;
        }
        answer(p, NULL);
        return;
    default:
        break;
    }
    if (p->is_late && next_in_script(p, &line)) {
        send_command(p, SMTPD_PROXY_RCPT, line);
    } else if (p->is_late) {
        send_command(p, SMTPD_PROXY_DATA, slice_of("DATA"));
    } else {
        p->step = SMTPD_PROXY_IDLE;
        answer(p, NULL);
    }
}

/* A reply that the client is to see: as it came, or when it makes no sense there, ours. */
static void pass_on(struct smtpd_proxy *p)
{
    struct reply reply = {.text = p->reply.text.s, .is_raw = p->reply.lines > 1};
    int class = p->reply.code / 100;
    p->says_no_quit = p->says_no_quit || p->reply.code == 421;
    if (class != 4 && class != 5 && !(p->step == SMTPD_PROXY_DOT && class == 2))
        reply = reply_text(SMTPD_PROXY_TROUBLE);
    if (p->step != SMTPD_PROXY_DOT)
        p->step = SMTPD_PROXY_IDLE;
    answer(p, &reply);
}

static void on_reply(struct smtpd_proxy *p)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    int class = p->reply.code / 100;
    if (p->step == SMTPD_PROXY_DOT) {
        pass_on(p);
    } else if (class == (p->step == SMTPD_PROXY_DATA ? 3 : 2)) {
        go_on(p);
    } else {
        log_warn(NULL, "proxy %s rejected \"%s\": \"%s\"", smtpd_params.smtpd_proxy_filter,
                 p->step == SMTPD_PROXY_GREETING ? "connection request" : p->sent.s,
                 log_text(p, &text));
        if (p->step >= SMTPD_PROXY_MAIL) {
            pass_on(p);
            return;
        }
        p->says_no_quit = p->reply.code == 421;
        p->step = SMTPD_PROXY_HELLO; /* QUIT is in place */
        struct reply trouble = reply_text(SMTPD_PROXY_TROUBLE);
        answer(p, &trouble);
    }
}

static void on_input(void *owner, struct stream *stream)
{
    struct smtpd_proxy *p = owner;
    struct slice in = stream_input(stream);
    size_t size = in.len;
    if (!p->next || p->step == SMTPD_PROXY_CONTENT)
        return; /* nothing was asked: for the next question, or the end */
    enum esmtp_reply_status status = esmtp_reply_parse(&p->reply, &in);
    CLEANUP(strbuf_done) struct strbuf garbage = STRBUF_ANY;
    if (status == ESMTP_REPLY_BAD) {
        struct slice all = stream_input(stream), line = SLICE_EMPTY;
        slice_next_line(&all, &line);
        strbuf_add_slice(&garbage, slice_first(line, 100));
    }
    stream_consume(stream, size - in.len);
    if (status == ESMTP_REPLY_READY) {
        on_reply(p);
    } else if (status == ESMTP_REPLY_BAD) {
        log_warn(NULL, "received garbage from proxy %s: %s", smtpd_params.smtpd_proxy_filter,
                 garbage.s);
        fail(p);
    }
}

static void on_closed(void *owner, struct stream *stream, const struct err *err)
{
    (void)stream;
    (void)err;
    log_warn(NULL, "lost connection with proxy %s", smtpd_params.smtpd_proxy_filter);
    fail(owner);
}

static void on_timeout(void *owner, struct stream *stream)
{
    (void)stream;
    log_warn(NULL, "timeout talking to proxy %s", smtpd_params.smtpd_proxy_filter);
    fail(owner);
}

static void on_room(void *owner, struct stream *stream)
{
    struct smtpd_proxy *p = owner;
    if (p->is_late) {
        send_file(p);
        return;
    }
    if (p->step == SMTPD_PROXY_CONTENT && !p->next)
        stream_deadline(stream, 0);
    stream_pause(p->s->stream, p->next != NULL);
    stream_poke(p->s->stream);
}

static const struct stream_events filter_events = {on_input, on_closed, on_timeout, on_room};

static void on_connected(void *owner, int fd, const struct err *err)
{
    struct smtpd_proxy *p = owner;
    p->connect = NULL;
    if (fd < 0) {
        log_warn(NULL, "connect to proxy filter %s: %s", smtpd_params.smtpd_proxy_filter,
                 err->reason);
        fail(p);
        return;
    }
    p->stream = stream_new(p->s->server->loop, fd, &filter_events, p);
    p->step = SMTPD_PROXY_GREETING;
    stream_deadline(p->stream, smtpd_proxy_timeout_ms());
}

struct reply smtpd_proxy_dial(struct smtpd_proxy *p, smtpd_next_fn next)
{
    struct smtpd_server *server = p->s->server;
    p->next = next;
    p->connect = connect_start(server->loop, server->pool, server->proxy, smtpd_proxy_timeout_ms(),
                               on_connected, p);
    return reply_pending();
}

struct reply smtpd_proxy_ask(struct smtpd_proxy *p, enum smtpd_proxy_step step, struct slice line,
                             smtpd_next_fn next)
{
    struct reply trouble = reply_text(SMTPD_PROXY_TROUBLE);
    if (p->is_dead)
        return next(p->s, &trouble);
    p->next = next;
    send_command(p, step, line);
    stream_poke(p->stream); /* what came unasked counts as the reply */
    return reply_pending();
}
