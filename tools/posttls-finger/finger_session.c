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
    struct finger_server server;
    struct strbuf peer; /* "name[address]:port" */
    struct strbuf name; /* that the server gives itself */
    int fd;             /* connected; -1: not, and ERR says why */
    struct err err;
    struct stream *stream;
    struct tls_session *handshake;
    struct esmtp_reply reply;
    enum phase phase;
    bool has_tls, is_complete;
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

/* A second connection shows what is new. */
static bool shows(const struct session *s, enum phase phase)
{
    return s->setup->options->shows_chat &&
           !(s->server.is_again && (phase == AT_EHLO || phase == AT_STARTTLS));
}

static void say_reply(const struct session *s)
{
    struct slice rest = strbuf_slice(&s->reply.text), line;
    while (shows(s, s->phase) && slice_next_line(&rest, &line))
        finger_say("< %.*s", SLICE_ARG(line));
}

static void send_command(struct session *s, enum phase phase, const char *verb,
                         const char *argument)
{
    CLEANUP(strbuf_done) struct strbuf line = STRBUF_ANY;
    strbuf_addf(&line, "%s%s%s", verb, argument ? " " : "", argument ? argument : "");
    if (shows(s, phase))
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
        finger_warn("%s while sending QUIT command", how);
        s->is_complete = true;
        break;
    }
    finish(s);
}

/* --- TLS ------------------------------------------------------------------------------------ */

static void send_greeting(struct session *s, enum phase phase)
{
    send_command(s, phase, greeting_verb(s), s->setup->our_name);
}

/* With TLS on, what the server has to say is heard once. */
static void go_on_in_tls(struct session *s)
{
    if (s->server.is_again)
        send_command(s, AT_QUIT, "QUIT", NULL);
    else
        send_greeting(s, AT_SECOND_EHLO);
}

static void on_ready(void *owner, const struct tls_info *info)
{
    struct session *s = owner;
    finger_tls_show(s->setup->tls, s->handshake, info, &s->server);
    s->has_tls = true;
    if (!s->setup->options->is_wrapped) {
        go_on_in_tls(s);
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
    s->server.name = s->name.s;
    s->handshake = finger_tls_begin(setup->tls, setup->loop, s->stream, &s->server, &tls_events, s);
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

/* The first word of its answer to the greeting: behind one address there may be many servers. */
static void note_name(struct session *s)
{
    struct slice rest = strbuf_slice(&s->reply.text), line, name;
    strbuf_reset(&s->name);
    if (esmtp_reply_next_line(&rest, &line) && slice_next_token(&line, " ", &name))
        strbuf_add_slice(&s->name, name);
}

static void say_refusal(const struct session *s, const char *what)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    esmtp_reply_one_line(&s->reply, &text);
    finger_say("%s: %s", what, text.s);
}

static void refuse(struct session *s, const char *what)
{
    say_refusal(s, what);
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
        if (is_good && s->has_tls)
            go_on_in_tls(s);
        else if (is_good)
            send_greeting(s, AT_EHLO);
        else
            refuse(s, o->is_lmtp ? "LMTP service not available" : "SMTP service not available");
        break;
    case AT_EHLO:
        note_name(s);
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
        if (!is_good)
            say_refusal(s, o->is_lmtp ? "LHLO rejected" : "EHLO rejected");
        send_command(s, AT_QUIT, "QUIT", NULL);
        break;
    case AT_HANDSHAKE: /* nothing is read in it */
    case AT_QUIT:
        s->is_complete = true;
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
    bool is_unix = s->server.host->family == AF_UNIX;
    finger_say("Failed to establish session to %s%s%s: connect to %s: %s", o->destination,
               is_unix ? "" : " via ", is_unix ? "" : s->server.host->name, s->peer.s,
               s->err.reason);
}

static bool connect_to(struct session *s)
{
    const struct finger_session_setup *setup = s->setup;
    CLEANUP(strbuf_done) struct strbuf endpoint = STRBUF_ANY;
    if (s->server.host->family == AF_UNIX)
        strbuf_addf(&endpoint, "unix:%s", s->server.host->address);
    else
        strbuf_addf(&endpoint, "inet:[%s]:%d", s->server.host->address, s->server.host->port);
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

static void talk(struct session *s)
{
    const struct finger_session_setup *setup = s->setup;
    if (setup->options->shows_chat && !s->server.is_again)
        finger_say("Connected to %s", s->peer.s);
    esmtp_reply_init(&s->reply);
    s->stream = stream_new(setup->loop, s->fd, &stream_events, s);
    stream_deadline(s->stream, setup->options->connect_timeout_ms);
    if (setup->options->is_wrapped)
        begin_tls(s);
    if (s->stream)
        loop_run(setup->loop);
    esmtp_reply_done(&s->reply);
}

enum finger_session_end finger_session_run(const struct finger_session_setup *setup,
                                           const struct finger_host *host, bool is_again)
{
    struct session s = {.setup = setup,
                        .server = {.hosts = setup->hosts, .host = host, .is_again = is_again},
                        .peer = STRBUF_ANY,
                        .name = STRBUF_ANY,
                        .fd = -1};
    strbuf_addf(&s.peer, "%s[%s]", host->name, host->address);
    if (host->family != AF_UNIX)
        strbuf_addf(&s.peer, ":%d", host->port);
    s.server.peer = s.peer.s;
    bool is_connected = connect_to(&s);
    if (is_connected)
        talk(&s);
    strbuf_done(&s.peer);
    strbuf_done(&s.name);
    return !is_connected   ? FINGER_SESSION_UNREACHED
           : s.is_complete ? FINGER_SESSION_COMPLETE
                           : FINGER_SESSION_BROKEN;
}
