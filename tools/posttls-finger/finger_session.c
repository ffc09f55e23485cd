#include "tools/posttls-finger/finger_session.h"

#include "esmtp/esmtp_reply_parse.h"
#include "io/connect.h"
#include "io/stream.h"
#include "tls/tls_session.h"
#include "tools/posttls-finger/finger_say.h"

#include <string.h>
#include <sys/socket.h>

enum phase { AT_GREETING, AT_EHLO, AT_STARTTLS, AT_HANDSHAKE, AT_SECOND_EHLO, AT_QUIT };

struct session {
    const struct finger_session_setup *setup;
    const struct finger_host *host;
    struct strbuf peer; /* "name[address]:port" */
    int fd;             /* connected; -1: not, and ERR says why */
    struct err err;
    struct stream *stream;
    struct tls_session *handshake;
    struct esmtp_reply reply;
    enum phase phase;
    bool has_tls;
};

/* --- what is said and heard ----------------------------------------------------------------- */

static void finish(struct session *s)
{
    tls_session_detach(s->handshake);
    s->handshake = NULL;
    stream_free_flush(s->stream);
    s->stream = NULL;
    loop_stop(s->setup->loop);
}

static void say_reply(const struct session *s)
{
    struct slice rest = strbuf_slice(&s->reply.text), line;
    while (s->setup->options->shows_chat && slice_next_line(&rest, &line))
        finger_say("< %.*s", SLICE_ARG(line));
}

static void send_command(struct session *s, enum phase phase, const char *verb,
                         const char *argument)
{
    CLEANUP(strbuf_done) struct strbuf line = STRBUF_ANY;
    strbuf_addf(&line, "%s%s%s", verb, argument ? " " : "", argument ? argument : "");
    if (s->setup->options->shows_chat)
        finger_say("> %s", line.s);
    stream_printf(s->stream, "%s\r\n", line.s);
    stream_deadline(s->stream, s->setup->options->command_timeout_ms);
    s->phase = phase;
}

static const char *greeting_verb(const struct session *s)
{
    return s->setup->options->is_lmtp ? "LHLO" : "EHLO";
}

/* The connection ended in the middle of something. */
static void broken(struct session *s, const char *how)
{
    switch (s->phase) {
    case AT_GREETING:
        finger_say("%s while reading server greeting", how);
        break;
    case AT_EHLO:
    case AT_SECOND_EHLO:
        finger_say("%s while sending %s", how, greeting_verb(s));
        break;
    case AT_STARTTLS:
        finger_fatal("%s while sending STARTTLS", how);
    case AT_HANDSHAKE: /* on_failed() has told */
        break;
    case AT_QUIT:
        finger_say("%s while sending QUIT", how);
        break;
    }
    finish(s);
}

/* --- TLS ------------------------------------------------------------------------------------ */

static void send_greeting(struct session *s, enum phase phase)
{
    send_command(s, phase, greeting_verb(s), s->setup->our_name);
}

static void on_ready(void *owner, const struct tls_info *info)
{
    struct session *s = owner;
    finger_tls_show(s->setup->tls, s->handshake, info, s->peer.s);
    s->has_tls = true;
    if (!s->setup->options->is_wrapped) {
        send_greeting(s, AT_SECOND_EHLO);
        return;
    }
    s->phase = AT_GREETING;
    stream_deadline(s->stream, s->setup->options->connect_timeout_ms);
}

static void on_failed(void *owner, const char *reason, const char *library_errors)
{
    const struct session *s = owner;
    finger_say("SSL_connect error to %s: %s", s->peer.s, reason);
    finger_warn_lines(library_errors);
}

static void on_note(void *owner, bool is_warning, const char *line)
{
    (void)owner;
    if (is_warning)
        finger_warn("%s", line);
    else
        finger_say("%s", line);
}

static const struct tls_session_events tls_events = {on_ready, on_failed, on_note};

static void begin_tls(struct session *s)
{
    const struct finger_session_setup *setup = s->setup;
    s->phase = AT_HANDSHAKE;
    if (!setup->tls->client)
        finger_fatal("TLS is not to be had");
    s->handshake = finger_tls_begin(setup->tls, setup->loop, s->stream, setup->hosts, s->host,
                                    s->peer.s, &tls_events, s);
    if (s->handshake)
        stream_deadline(s->stream, setup->options->command_timeout_ms);
    else
        finish(s);
}

/* --- replies -------------------------------------------------------------------------------- */

static bool offers_starttls(const struct session *s)
{
    struct slice rest = strbuf_slice(&s->reply.text), line;
    while (esmtp_reply_next_line(&rest, &line))
        if (slice_eq_nocase(line, "STARTTLS"))
            return true;
    return false;
}

static void refuse(struct session *s, const char *what)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    esmtp_reply_one_line(&s->reply, &text);
    finger_say("%s: %s", what, text.s);
    finish(s);
}

static void on_reply(struct session *s)
{
    enum { GOOD = 2, PER_CLASS = 100 };
    const struct finger_options *o = s->setup->options;
    bool is_good = s->reply.code / PER_CLASS == GOOD;
    say_reply(s);
    switch (s->phase) {
    case AT_GREETING:
        if (is_good)
            send_greeting(s, s->has_tls ? AT_SECOND_EHLO : AT_EHLO);
        else
            refuse(s, o->is_lmtp ? "LMTP service not available" : "SMTP service not available");
        break;
    case AT_EHLO:
        if (!is_good)
            refuse(s, o->is_lmtp ? "LHLO rejected" : "EHLO rejected");
        else if (!s->setup->tls->client || !offers_starttls(s))
            send_command(s, AT_QUIT, "QUIT", NULL);
        else
            send_command(s, AT_STARTTLS, "STARTTLS", NULL);
        break;
    case AT_STARTTLS:
        if (is_good)
            begin_tls(s);
        else
            refuse(s, "STARTTLS rejected");
        break;
    case AT_SECOND_EHLO:
        if (is_good)
            send_command(s, AT_QUIT, "QUIT", NULL);
        else
            refuse(s, o->is_lmtp ? "LHLO rejected" : "EHLO rejected");
        break;
    case AT_HANDSHAKE: /* nothing is read in it */
    case AT_QUIT:
        finish(s);
        break;
    }
}

static void on_input(void *owner, struct stream *stream)
{
    struct session *s = owner;
    struct slice input = stream_input(stream), rest = input;
    enum esmtp_reply_status status = esmtp_reply_parse(&s->reply, &rest);
    stream_consume(stream, input.len - rest.len);
    if (status == ESMTP_REPLY_MORE)
        return;
    if (status == ESMTP_REPLY_BAD) {
        finger_say("what %s sends is no reply of SMTP", s->peer.s);
        finish(s);
        return;
    }
    on_reply(s);
    esmtp_reply_reset(&s->reply);
    /* A reply nobody has asked for yet is the next one's. Before TLS the rest is thrown away. */
    if (s->stream && s->phase != AT_HANDSHAKE && rest.len > 0)
        stream_poke(s->stream);
}

static void on_closed(void *owner, struct stream *stream, const struct err *err)
{
    (void)stream;
    (void)err;
    broken(owner, "lost connection");
}

static void on_timeout(void *owner, struct stream *stream)
{
    struct session *s = owner;
    (void)stream;
    if (s->phase == AT_HANDSHAKE)
        finger_say("SSL_connect error to %s: Connection timed out", s->peer.s);
    broken(s, "timeout");
}

static const struct stream_events stream_events = {
    .on_input = on_input, .on_closed = on_closed, .on_timeout = on_timeout};

/* --- the connection ------------------------------------------------------------------------- */

static void on_connected(void *owner, int fd, const struct err *err)
{
    struct session *s = owner;
    s->fd = fd;
    s->err = *err;
    loop_stop(s->setup->loop);
}

static void say_unreachable(const struct session *s)
{
    const struct finger_options *o = s->setup->options;
    bool is_unix = s->host->family == AF_UNIX;
    finger_say("Failed to establish session to %s%s%s: connect to %s: %s", o->destination,
               is_unix ? "" : " via ", is_unix ? "" : s->host->name, s->peer.s, s->err.reason);
}

static bool connect_to(struct session *s)
{
    const struct finger_session_setup *setup = s->setup;
    CLEANUP(strbuf_done) struct strbuf endpoint = STRBUF_ANY;
    if (s->host->family == AF_UNIX)
        strbuf_addf(&endpoint, "unix:%s", s->host->address);
    else
        strbuf_addf(&endpoint, "inet:[%s]:%d", s->host->address, setup->hosts->port);
    if (!connect_check(endpoint.s, &s->err)) {
        say_unreachable(s);
        return false;
    }
    /* the address is numeric: no thread is needed to look it up */
    connect_start(setup->loop, NULL, endpoint.s, setup->options->connect_timeout_ms, on_connected,
                  s);
    loop_run(setup->loop);
    if (s->fd < 0)
        say_unreachable(s);
    return s->fd >= 0;
}

bool finger_session_run(const struct finger_session_setup *setup, const struct finger_host *host)
{
    struct session s = {.setup = setup, .host = host, .peer = STRBUF_ANY, .fd = -1};
    strbuf_addf(&s.peer, "%s[%s]", host->name, host->address);
    if (host->family != AF_UNIX)
        strbuf_addf(&s.peer, ":%d", setup->hosts->port);
    bool is_connected = connect_to(&s);
    if (is_connected) {
        if (setup->options->shows_chat)
            finger_say("Connected to %s", s.peer.s);
        esmtp_reply_init(&s.reply);
        s.stream = stream_new(setup->loop, s.fd, &stream_events, &s);
        stream_deadline(s.stream, setup->options->connect_timeout_ms);
        if (setup->options->is_wrapped)
            begin_tls(&s);
        if (s.stream)
            loop_run(setup->loop);
        esmtp_reply_done(&s.reply);
    }
    strbuf_done(&s.peer);
    return is_connected;
}
