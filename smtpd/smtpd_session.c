/* A session: greeting, commands in, replies out, time limits, the end. */
#include "smtpd/smtpd_session.h"

#include "base/clock.h"
#include "base/text.h"
#include "base/xmem.h"
#include "config/common_params.h"
#include "service/service_upstream.h"
#include "smtpd/smtpd_auth.h"
#include "smtpd/smtpd_check.h"
#include "smtpd/smtpd_cmd.h"
#include "smtpd/smtpd_etrn.h"
#include "smtpd/smtpd_dns.h"
#include "smtpd/smtpd_eval.h"
#include "smtpd/smtpd_footer.h"
#include "smtpd/smtpd_greet.h"
#include "smtpd/smtpd_limits.h"
#include "smtpd/smtpd_line.h"
#include "smtpd/smtpd_milter.h"
#include "smtpd/smtpd_notice.h"
#include "smtpd/smtpd_params.h"
#include "smtpd/smtpd_peer.h"
#include "smtpd/smtpd_policy.h"
#include "smtpd/smtpd_restrictions.h"
#include "smtpd/smtpd_server.h"
#include "smtpd/smtpd_sink.h"
#include "smtpd/smtpd_tls.h"
#include "smtpd/smtpd_tx.h"
#include "smtpd/smtpd_upstream.h"
#include "smtpd/smtpd_xforward.h"
#include "tls/tls_session.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SCRATCH_MAX = 64 * 1024, REPLY_MAX = 1 << 20, SCRATCH_KEEP = 512 };

const char *smtpd_session_text(struct smtpd_session *s, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    strbuf_reset(&s->scratch);
    strbuf_vaddf(&s->scratch, fmt, ap);
    va_end(ap);
    return s->scratch.s;
}

const char *smtpd_session_keep(struct smtpd_session *s, const char *text)
{
    return text == s->scratch.s ? text : smtpd_session_text(s, "%s", text);
}

const char *smtpd_session_protocol(const struct smtpd_session *s)
{
    return s->flags & SMTPD_SESSION_ESMTP ? "ESMTP" : "SMTP";
}

const struct log_tag *smtpd_session_tag(struct smtpd_session *s)
{
    const char *id = s->tx && s->tx->queue_id ? s->tx->queue_id : "";
    size_t len = strlen(id);
    if (len == 0 || len >= sizeof s->log.queue_id)
        id = "NOQUEUE", len = 7;
    memcpy(s->log.queue_id, id, len + 1);
    return &s->log;
}

/* The same without a queue id, for lines about the session. */
const struct log_tag *smtpd_session_plain_tag(struct smtpd_session *s)
{
    s->log.queue_id[0] = 0;
    return &s->log;
}

void smtpd_session_set_login(struct smtpd_session *s, const char *method, const char *login)
{
    free(s->login);
    free(s->login_method);
    s->login = login ? xstrdup(login) : NULL;
    s->login_method = login ? xstrdup(method) : NULL;
}

struct smtpd_session *smtpd_session_new(struct smtpd_server *server)
{
    struct smtpd_session *s = xzalloc(sizeof *s);
    s->server = server;
    s->phase = SMTPD_PHASE_START;
    s->where = "CONNECT";
    s->ehlo_discard = server->ehlo_discard;
    s->log.session = smtpd_slot_take(server);
    strbuf_init(&s->scratch, SCRATCH_MAX);
    strbuf_init(&s->long_line, (size_t)common_params.line_length_limit + 1);
    strbuf_init(&s->reply, REPLY_MAX);
    return s;
}

static void peer_done(struct smtpd_peer *peer)
{
    free(peer->name);
    free(peer->reverse_name);
    free(peer->address);
    free(peer->namaddr);
    free(peer->server_address);
}

void smtpd_session_free(struct smtpd_session *s)
{
    if (!s)
        return;
    smtpd_milter_abort(s, (s->tx ? 1 : 0) + (s->helo ? 1 : 0));
    smtpd_milter_end(s);
    smtpd_tx_free(s->tx);
    smtpd_eval_free(s->eval);
    smtpd_policy_release(s);
    smtpd_held_free(s->held);
    smtpd_peer_cancel(s->lookup);
    anvil_cancel(s->anvil_call);
    smtpd_limit_disconnect(s);
    smtpd_etrn_cancel(s->etrn);
    service_upstream_cancel(s->upstream);
    smtpd_auth_free(s);
    smtpd_xforward_free(s->xforward);
    smtpd_dns_free(s->dns);
    smtpd_notice_free(s);
    timer_free(s->delay);
    tls_session_free(s->tls_wanted);
    tls_session_detach(s->tls_session);
    if (smtpd_tls_is_starting(s))
        stream_free(s->stream);
    else if (s->stream)
        stream_close_after_output(s->stream);
    smtpd_slot_give(s->server, s->log.session);
    peer_done(&s->peer);
    free(s->helo);
    smtpd_session_set_login(s, NULL, NULL);
    strbuf_done(&s->scratch);
    strbuf_done(&s->long_line);
    strbuf_done(&s->reply);
    free(s);
}

/* The last log line; S is gone afterwards. */
static void session_end(struct smtpd_session *s)
{
    if (s->flags & SMTPD_SESSION_ENDED)
        return;
    s->flags |= SMTPD_SESSION_ENDED;
    smtpd_count_reply(s, 499); /* a command that never got its answer */
    CLEANUP(strbuf_done) struct strbuf counts = STRBUF_ANY;
    smtpd_counts_format(s, &counts);
    log_info(smtpd_session_plain_tag(s), "disconnect from %s %s%s", s->peer.namaddr, counts.s,
             s->flags & SMTPD_SESSION_NOTE_LF ? " notes=bare_newline" : "");
    void (*on_end)(void) = s->server->on_session_end;
    bool is_told_of = smtpd_notice_end(s, on_end);
    smtpd_session_free(s);
    if (on_end && !is_told_of)
        on_end();
}

/* "lost connection after DATA (123 bytes) from name[addr]" */
static void log_reason(struct smtpd_session *s, const char *reason)
{
    s->end_reason = reason;
    if (s->phase == SMTPD_PHASE_DATA)
        log_info(smtpd_session_plain_tag(s), "%s after DATA (%lld bytes) from %s", reason,
                 (long long)s->tx->content_size, s->peer.namaddr);
    else if (s->phase == SMTPD_PHASE_CHUNK && s->tx)
        log_info(smtpd_session_plain_tag(s), "%s after BDAT (%lld bytes) from %s", reason,
                 (long long)(s->tx->content_size), s->peer.namaddr);
    else
        log_info(smtpd_session_plain_tag(s), "%s after %s from %s", reason, s->where,
                 s->peer.namaddr);
}

/* The time for a request, or for one piece of input, runs from now. */
static void deadline_start(struct smtpd_session *s)
{
    int64_t limit = smtpd_params.smtpd_timeout * 1000;
    s->deadline_ms = clock_now_ms() + limit;
    stream_deadline(s->stream, limit);
}

/* Content that came extends the time for it by what the slowest client would have taken. */
static void deadline_extend(struct smtpd_session *s, size_t size)
{
    int64_t now = clock_now_ms(), limit = smtpd_params.smtpd_timeout * 1000;
    int64_t extension = (int64_t)size * 1000 / smtpd_params.smtpd_min_data_rate;
    s->deadline_ms = MIN(s->deadline_ms + extension, now + limit);
    stream_deadline(s->stream, MAX(s->deadline_ms - now, (int64_t)1));
}

/* Send what is in s->reply. False: the session is gone. */
static bool flush_reply(struct smtpd_session *s)
{
    if (!s->stream)
        return !s->reply_closes;
    if (s->reply.len)
        stream_write(s->stream, strbuf_slice(&s->reply));
    strbuf_done(&s->reply);
    strbuf_init(&s->reply, REPLY_MAX);
    if (s->scratch.cap > SCRATCH_KEEP) {
        strbuf_done(&s->scratch);
        strbuf_init(&s->scratch, SCRATCH_MAX);
    }
    if (s->reply_closes) {
        if (s->flags & SMTPD_SESSION_STDIN)
            stream_flush(s->stream); /* the process ends with the session */
        session_end(s);
        return false;
    }
    if (s->tls_wanted)
        return smtpd_session_begin_tls(s);
    deadline_start(s);
    return true;
}

bool smtpd_session_begin_tls(struct smtpd_session *s)
{
    struct tls_session *tls = s->tls_wanted;
    s->tls_wanted = NULL;
    if (!tls_session_begin(tls, s->stream)) {
        session_end(s);
        return false;
    }
    s->tls_session = tls;
    stream_pause(s->stream, false);
    stream_deadline(s->stream, smtpd_params.smtpd_starttls_timeout * 1000);
    return true;
}

/* RFC 3207, 4.2: nothing that was said before counts. */
void smtpd_session_resume(struct smtpd_session *s)
{
    smtpd_tx_reset(s);
    smtpd_milter_abort(s, s->helo ? 1 : 0);
    free(s->helo);
    s->helo = NULL;
    s->flags &= ~(unsigned)SMTPD_SESSION_ESMTP;
    if (s->login) {
        smtpd_session_set_login(s, NULL, NULL);
        smtpd_server_classify(s);
    }
    deadline_start(s);
    if (s->server->tls_wrapped) {
        stream_pause(s->stream, true); /* the client waits for the greeting */
        smtpd_greet(s);
    }
}

static bool session_waits(const struct smtpd_session *s)
{
    return s->next || s->eval || smtpd_auth_is_busy(s) || s->lookup || s->anvil_call || s->etrn ||
           smtpd_milter_is_pending(s) || (s->delay && timer_is_running(s->delay)) ||
           (s->tx && smtpd_sink_is_pending(s->tx->sink));
}

static void format_reply(struct smtpd_session *s, const struct reply *reply)
{
    size_t before = s->reply.len;
    smtpd_reply_format(s, reply, &s->reply);
    smtpd_notice_said(s, reply, slice_from(strbuf_slice(&s->reply), before));
}

/* The limit is looked at between commands, so that a client learns the fate of its last one. */
static bool too_many_errors(struct smtpd_session *s)
{
    if (s->errors < smtpd_params.smtpd_hard_error_limit || s->reply_closes)
        return false;
    log_reason(s, "too many errors");
    struct reply reply = reply_text(
        smtpd_session_text(s, "421 4.7.0 %s Error: too many errors", common_params.myhostname));
    smtpd_notice_class(s, 0); /* the errors themselves were noted */
    format_reply(s, &reply);
    s->reply_closes = true;
    return true;
}

static void on_delay(void *owner)
{
    struct smtpd_session *s = owner;
    if (flush_reply(s) && s->stream) {
        stream_pause(s->stream, false);
        stream_poke(s->stream);
    }
}

/* Put a reply into the output. False: the session is gone, or waits. */
static bool session_reply(struct smtpd_session *s, struct reply reply)
{
    if (reply.is_silent) {
        if (s->stream)
            deadline_start(s);
        return true;
    }
    int code = esmtp_reply_code(reply.text);
    if (code != 354 && code != 334) /* which are not the last of their command */
        smtpd_count_reply(s, reply.is_innocent ? 250 : code);
    if (code >= 400 && !reply.is_innocent)
        s->errors++;
    format_reply(s, &reply);
    s->reply_closes = reply.disconnects || code == 421 || code == 521;
    bool slow = s->errors >= smtpd_params.smtpd_soft_error_limit &&
                smtpd_params.smtpd_error_sleep_time > 0 && s->stream;
    if (!(s->phase & (SMTPD_PHASE_DATA | SMTPD_PHASE_CHUNK)))
        too_many_errors(s);
    if (!slow || s->reply_closes)
        return flush_reply(s);
    if (!s->delay)
        s->delay = timer_new(s->server->loop, on_delay, s);
    timer_start(s->delay, smtpd_params.smtpd_error_sleep_time * 1000);
    stream_pause(s->stream, true);
    stream_deadline(s->stream, 0);
    return false;
}

/* RFC 2920: is there input the client should have kept until it saw this reply? */
static bool pipelines_wrongly(struct smtpd_session *s, const struct smtpd_command *command)
{
    if (!s->stream || !command || (s->flags & (SMTPD_SESSION_PIPELINED | SMTPD_SESSION_STDIN)))
        return false;
    if ((s->flags & SMTPD_SESSION_ESMTP) && !(command->flags & SMTPD_COMMAND_LAST))
        return false;
    if (s->reply_closes || command->counter == SMTPD_COUNT_QUIT ||
        command->counter == SMTPD_COUNT_BDAT)
        return false;
    struct slice input = stream_input(s->stream);
    if (input.len == 0)
        return false;
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    text_add_escaped(&text, slice_first(input, 100));
    s->flags |= SMTPD_SESSION_PIPELINED;
    log_info(smtpd_session_plain_tag(s), "improper command pipelining after %s from %s: %s",
             s->where, s->peer.namaddr, text.s);
    return smtpd_params.smtpd_forbid_unauth_pipelining;
}

void smtpd_session_command(struct smtpd_session *s, struct slice line)
{
    smtpd_notice_heard(s, line);
    struct reply reply =
        smtpd_auth_wants_line(s) ? smtpd_auth_line(s, line) : smtpd_dispatch(s, line);
    const struct smtpd_command *command = s->command;
    if (pipelines_wrongly(s, command)) {
        smtpd_eval_free(s->eval);
        s->eval = NULL;
        s->next = NULL;
        reply = reply_and_close("554 5.5.0 Error: SMTP protocol synchronization");
    }
    if (reply.is_pending) {
        if (s->stream) {
            stream_pause(s->stream, true);
            stream_deadline(s->stream, 0);
        }
        return;
    }
    session_reply(s, reply);
}

void smtpd_session_answer(struct smtpd_session *s, struct reply reply)
{
    if (reply.is_pending)
        return;
    struct stream *stream = s->stream;
    if (session_reply(s, reply) && stream) {
        stream_pause(stream, false);
        stream_poke(stream);
    }
}

bool smtpd_session_bare_lf(struct smtpd_session *s)
{
    if (!(s->flags & SMTPD_SESSION_STRICT_LF))
        return false;
    if (s->server->bare_lf == SMTPD_BARE_LF_NOTE)
        s->flags |= SMTPD_SESSION_NOTE_LF;
    return s->server->bare_lf == SMTPD_BARE_LF_REJECT;
}

struct reply smtpd_session_refuse_bare_lf(struct smtpd_session *s, const char *where)
{
    log_info(smtpd_session_tag(s), "reject: %s from %s: bare <LF> received", where,
             s->peer.namaddr);
    return reply_and_close(smtpd_session_text(
        s, "%lld 5.5.2 %s Error: bare <LF> received",
        (long long)smtpd_params.smtpd_forbid_bare_newline_reject_code, common_params.myhostname));
}

/* Take content. False: there is nothing more to do for now. */
static bool read_content(struct smtpd_session *s)
{
    struct smtpd_server *server = s->server;
    struct stream *stream = s->stream;
    uint32_t slot = s->log.session;
    unsigned phase = s->phase;
    size_t before = stream_input(stream).len;
    if (phase == SMTPD_PHASE_DATA)
        smtpd_data_input(s);
    else
        smtpd_bdat_input(s);
    if (smtpd_slot_owner(server, slot) != s)
        return false;
    size_t after = stream_input(stream).len;
    if (s->phase == phase && smtpd_params.smtpd_per_request_deadline && before > after)
        deadline_extend(s, before - after);
    return s->phase != phase || after != before;
}

void smtpd_session_read(struct smtpd_session *s)
{
    struct stream *stream = s->stream;
    struct smtpd_server *server = s->server;
    uint32_t slot = s->log.session;
    CLEANUP(strbuf_done) struct strbuf line = STRBUF_ANY;
    /* A handler may end the session: its slot is given back then, which tells us that S is gone. */
    while (smtpd_slot_owner(server, slot) == s && s->stream == stream && !session_waits(s)) {
        if (stream_output_is_full(stream))
            return; /* goes on in on_room */
        if (s->phase & (SMTPD_PHASE_DATA | SMTPD_PHASE_CHUNK)) {
            if (!read_content(s))
                return;
            continue;
        }
        bool bare_lf = false;
        if (!smtpd_line_read(s, &line, &bare_lf))
            return;
        if (bare_lf && smtpd_session_bare_lf(s))
            smtpd_session_answer(s, smtpd_session_refuse_bare_lf(s, s->where));
        else
            smtpd_session_command(s, strbuf_slice(&line));
    }
}

static void on_input(void *owner, struct stream *stream)
{
    (void)stream;
    struct smtpd_session *s = owner;
    if (!smtpd_params.smtpd_per_request_deadline && !session_waits(s))
        stream_deadline(s->stream, smtpd_params.smtpd_timeout * 1000);
    smtpd_session_read(s);
}

static void on_closed(void *owner, struct stream *stream, const struct err *err)
{
    (void)stream;
    (void)err;
    struct smtpd_session *s = owner;
    bool is_pending = s->tx && smtpd_sink_is_pending(s->tx->sink);
    if (is_pending || strcmp(s->where, "END-OF-MESSAGE") != 0) /* otherwise nothing was lost */
        log_reason(s, "lost connection");
    session_end(s);
}

static void on_timeout(void *owner, struct stream *stream)
{
    (void)stream;
    struct smtpd_session *s = owner;
    if (smtpd_tls_is_starting(s)) {
        smtpd_tls_timed_out(s);
        log_reason(s, "lost connection");
        session_end(s);
        return;
    }
    log_reason(s, "timeout");
    struct reply reply = reply_text(
        smtpd_session_text(s, "421 4.4.2 %s Error: timeout exceeded", common_params.myhostname));
    format_reply(s, &reply);
    stream_write(s->stream, strbuf_slice(&s->reply));
    session_end(s);
}

static void on_room(void *owner, struct stream *stream)
{
    (void)owner;
    stream_poke(stream);
}

static const struct stream_events session_events = {on_input, on_closed, on_timeout, on_room};

void smtpd_session_greet(struct smtpd_session *s)
{
    log_info(smtpd_session_plain_tag(s), "connect from %s", s->peer.namaddr);
    smtpd_notice_begin(s);
    if (s->flags & SMTPD_SESSION_UPSTREAM_BAD) {
        smtpd_session_answer(
            s, reply_and_close(smtpd_session_text(s, "421 4.3.0 %s Server local error",
                                                  common_params.myhostname)));
    } else if (!s->server->tls_wrapped || (s->flags & SMTPD_SESSION_STDIN)) {
        smtpd_greet(s);
    } else if (s->server->tls && smtpd_tls_prepare(s)) {
        smtpd_session_begin_tls(s);
    } else {
        /* a client that waits for a handshake understands no reply */
        log_warn(smtpd_session_plain_tag(s),
                 "Wrapper-mode request dropped from %s for service %s. TLS context initialization "
                 "failed. For details see earlier warnings in your logs.",
                 s->peer.namaddr, s->server->service);
        session_end(s);
    }
}

void smtpd_session_connected(struct smtpd_session *s, int fd)
{
    s->stream = stream_new(s->server->loop, fd, &session_events, s);
    stream_pause(s->stream, true);
    smtpd_peer_lookup_start(s);
}

void smtpd_session_take_over(struct smtpd_server *server, int fd, const struct haproxy_peers *peers)
{
    struct smtpd_session *s = smtpd_session_new(server);
    smtpd_slot_set_owner(server, s->log.session, s);
    smtpd_peer_from_socket(&s->peer, fd);
    if (peers->is_proxied)
        smtpd_peer_set_addresses(&s->peer, peers);
    smtpd_session_connected(s, fd);
}

void smtpd_session_start(struct smtpd_server *server, int fd)
{
    struct smtpd_session *s = smtpd_session_new(server);
    smtpd_slot_set_owner(server, s->log.session, s);
    smtpd_peer_from_socket(&s->peer, fd);
    if (server->has_upstream)
        smtpd_upstream_start(s, fd);
    else
        smtpd_session_connected(s, fd);
}

static ssize_t stdin_read(void *ctx, void *data, size_t len)
{
    (void)ctx;
    return read(STDIN_FILENO, data, len);
}

static ssize_t stdout_write(void *ctx, const void *data, size_t len)
{
    (void)ctx;
    return write(STDOUT_FILENO, data, len);
}

static const struct stream_transport stdio_transport = {.read = stdin_read, .write = stdout_write};

void smtpd_session_start_stdin(struct smtpd_server *server)
{
    struct smtpd_session *s = smtpd_session_new(server);
    smtpd_slot_set_owner(server, s->log.session, s);
    s->flags |= SMTPD_SESSION_STDIN;
    smtpd_peer_set_local(&s->peer);
    s->stream = stream_new(server->loop, STDIN_FILENO, &session_events, s);
    stream_set_transport(s->stream, &stdio_transport, NULL);
    stream_pause(s->stream, true);
    smtpd_session_greet(s);
}
