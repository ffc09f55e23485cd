#include "smtp/smtp_proto.h"

#include "base/clock.h"
#include "config/common_params.h"
#include "smtp/smtp_commands.h"
#include "smtp/smtp_delivery.h"
#include "smtp/smtp_ehlo.h"
#include "smtp/smtp_notice.h"
#include "smtp/smtp_params.h"
#include "smtp/smtp_sasl.h"
#include "smtp/smtp_send.h"
#include "smtp/smtp_tls.h"
#include "smtp/smtp_xforward.h"

#include <string.h>

/* A handler returns false when the session is no longer its delivery's (and may be gone). */
typedef bool (*reply_fn)(struct smtp_session *s);
static bool on_greeting(struct smtp_session *s);
static bool on_ehlo(struct smtp_session *s);
static bool on_helo(struct smtp_session *s);
static bool on_starttls(struct smtp_session *s);
static bool on_auth(struct smtp_session *s);
static bool on_xforward(struct smtp_session *s);
static bool on_mail(struct smtp_session *s);
static bool on_rcpt(struct smtp_session *s);
static bool on_data(struct smtp_session *s);
static bool on_early(struct smtp_session *s);
static bool on_dot(struct smtp_session *s);
static bool on_probe(struct smtp_session *s);
static bool on_abort(struct smtp_session *s);
static bool on_quit(struct smtp_session *s);

// clang-format off
static const struct step {
    const char *command, *doing;
    const int64_t *timeout;
    reply_fn on_reply;
} steps[] = {
    [SMTP_STEP_GREETING] = {"greeting", "receiving the initial server greeting",
                            &smtp_params.smtp_helo_timeout, on_greeting},
    [SMTP_STEP_EHLO]     = {"EHLO", "performing the EHLO handshake",
                            &smtp_params.smtp_helo_timeout, on_ehlo},
    [SMTP_STEP_HELO]     = {"HELO", "performing the HELO handshake",
                            &smtp_params.smtp_helo_timeout, on_helo},
    [SMTP_STEP_STARTTLS] = {"STARTTLS", "receiving the STARTTLS response",
                            &smtp_params.smtp_starttls_timeout, on_starttls},
    [SMTP_STEP_HANDSHAKE] = {"STARTTLS", "starting TLS",
                             &smtp_params.smtp_starttls_timeout, NULL},
    [SMTP_STEP_LOGIN]    = {"AUTH", "performing the EHLO handshake",
                            &smtp_params.smtp_helo_timeout, NULL},
    [SMTP_STEP_AUTH]     = {"AUTH", "performing the EHLO handshake",
                            &smtp_params.smtp_helo_timeout, on_auth},
    [SMTP_STEP_XFORWARD] = {"XFORWARD", "sending XFORWARD name/address",
                            &smtp_params.smtp_xforward_timeout, on_xforward},
    [SMTP_STEP_MAIL]     = {"MAIL FROM", "sending MAIL FROM",
                            &smtp_params.smtp_mail_timeout, on_mail},
    [SMTP_STEP_RCPT]     = {"RCPT TO", "sending RCPT TO",
                            &smtp_params.smtp_rcpt_timeout, on_rcpt},
    [SMTP_STEP_DATA]     = {"DATA", "sending DATA command",
                            &smtp_params.smtp_data_init_timeout, on_data},
    [SMTP_STEP_BODY]     = {"end of DATA", "sending message body",
                            &smtp_params.smtp_data_xfer_timeout, on_early},
    [SMTP_STEP_DOT]      = {"end of DATA",
                            "sending end of data -- message may be sent more than once",
                            &smtp_params.smtp_data_done_timeout, on_dot},
    [SMTP_STEP_PROBE]    = {"RSET", "sending RSET", &smtp_params.smtp_rset_timeout, on_probe},
    [SMTP_STEP_ABORT]    = {"RSET", "sending RSET", &smtp_params.smtp_rset_timeout, on_abort},
    [SMTP_STEP_QUIT]     = {"QUIT", "sending QUIT command",
                            &smtp_params.smtp_quit_timeout, on_quit},
};
// clang-format on

const char *smtp_proto_command_name(enum smtp_step step)
{
    return steps[step].command;
}

const char *smtp_proto_doing(enum smtp_step step)
{
    bool is_lhlo = smtp_client.is_lmtp && steps[step].doing == steps[SMTP_STEP_EHLO].doing;
    return is_lhlo ? "performing the LHLO handshake" : steps[step].doing;
}

int64_t smtp_proto_wall_us(void)
{
    struct timeval now;
    clock_wall(&now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_usec;
}

static bool is_positive(const struct smtp_session *s)
{
    return s->reply.code / 100 == 2;
}

static void arm(struct smtp_session *s)
{
    smtp_session_deadline(s, *steps[s->recv].timeout);
}

void smtp_proto_await_more(struct smtp_session *s)
{
    if (!smtp_params.smtp_per_request_deadline && s->recv != SMTP_STEP_BODY)
        arm(s);
}

/* One command whose reply decides what follows. */
static void send_alone(struct smtp_session *s, enum smtp_step step, const char *line)
{
    smtp_notice_said(s, step, slice_of(line));
    stream_write_str(s->stream, line);
    s->recv = step;
    s->send = SMTP_STEP_NONE;
    s->outstanding = 1;
    arm(s);
}

/* Hello */

static void send_hello(struct smtp_session *s, enum smtp_step step)
{
    CLEANUP(strbuf_done) struct strbuf line = STRBUF_ANY;
    const char *verb = smtp_client.is_lmtp ? "LHLO" : step == SMTP_STEP_EHLO ? "EHLO" : "HELO";
    strbuf_addf(&line, "%s %s\r\n", verb, smtp_params.smtp_helo_name);
    send_alone(s, step, line.s);
}

static void await_greeting(struct smtp_session *s)
{
    s->recv = SMTP_STEP_GREETING;
    s->outstanding = 1;
    arm(s);
}

/* False: the session is no longer its delivery's. */
static bool start_tls(struct smtp_session *s)
{
    s->recv = SMTP_STEP_HANDSHAKE;
    s->outstanding = 0;
    arm(s);
    return smtp_tls_handshake(s);
}

void smtp_proto_begin(struct smtp_session *s)
{
    if (smtp_params.smtp_tls_wrappermode)
        start_tls(s);
    else
        await_greeting(s);
}

/* An attacker who gets a renegotiation (CVE-2009-3555) can have put commands in front of ours: the
 * server then says more inside TLS than we have asked for. */
static bool is_early(struct smtp_session *s)
{
    const char *name = smtp_client.is_lmtp ? "lmtp" : "smtp";
    if (!smtp_params.smtp_tls_block_early_mail_reply || !s->tls || stream_input(s->stream).len == 0)
        return false;
    log_warn(NULL, "server %s violates %s_tls_block_early_mail_reply policy", s->relay, name);
    smtp_delivery_on_unfit(s->delivery, s,
                           &(const struct smtp_why){.kind = ERR_TEMP,
                                                    .dsn = "4.7.0",
                                                    .text = "unexpected server message"});
    return true;
}

/* What the server said before is forgotten (RFC 3207, section 4.2). */
void smtp_proto_secured(struct smtp_session *s)
{
    if (!smtp_params.smtp_tls_wrappermode && is_early(s))
        return;
    s->features = s->xforward = 0;
    s->size_limit = 0;
    smtp_sasl_free(s);
    if (smtp_params.smtp_tls_wrappermode)
        await_greeting(s);
    else
        send_hello(s, SMTP_STEP_EHLO);
}

static bool on_greeting(struct smtp_session *s)
{
    struct slice text = strbuf_slice(&s->reply.text), first;
    if (!is_positive(s)) {
        smtp_delivery_on_refused(s->delivery, s);
        return false;
    }
    slice_next_line(&text, &first);
    smtp_ehlo_read_greeting(s, slice_from(first, 4));
    bool extended = smtp_client.is_lmtp || smtp_params.smtp_always_send_ehlo || s->says_esmtp;
    if (smtp_params.smtp_never_send_ehlo || s->pix & SMTP_PIX_DISABLE_ESMTP)
        extended = false;
    send_hello(s, extended ? SMTP_STEP_EHLO : SMTP_STEP_HELO);
    return true;
}

static bool on_ehlo(struct smtp_session *s)
{
    enum { SERVICE_CLOSING = 421 };
    if (is_early(s))
        return false;
    if (is_positive(s)) {
        smtp_ehlo_read_reply(s);
        return on_helo(s);
    }
    if (s->reply.code == SERVICE_CLOSING || smtp_client.is_lmtp) {
        smtp_delivery_on_refused(s->delivery, s);
        return false;
    }
    send_hello(s, SMTP_STEP_HELO);
    return true;
}

static void logged_in(struct smtp_session *s, enum smtp_sasl_next next)
{
    if (next == SMTP_SASL_GO_ON)
        smtp_delivery_on_ready(s->delivery, s);
}

/* The server's extensions are known, and TLS is as it shall be. */
static void log_in(struct smtp_session *s)
{
    s->recv = SMTP_STEP_LOGIN;
    arm(s);
    logged_in(s, smtp_sasl_begin(s));
}

void smtp_proto_authenticate(struct smtp_session *s, const char *line)
{
    send_alone(s, SMTP_STEP_AUTH, line);
}

static bool on_helo(struct smtp_session *s)
{
    if (!is_positive(s) || smtp_ehlo_is_myself(s)) {
        smtp_delivery_on_refused(s->delivery, s);
        return false;
    }
    enum smtp_tls_next next = smtp_tls_decide(s);
    if (next == SMTP_TLS_STARTTLS) {
        send_alone(s, SMTP_STEP_STARTTLS, "STARTTLS\r\n");
        return true;
    }
    if (next == SMTP_TLS_GO_ON)
        log_in(s);
    return false;
}

/* Nothing of what follows the reply may be read as a reply: the handshake takes what is left of the
 * input away. */
static bool on_starttls(struct smtp_session *s)
{
    if (is_positive(s))
        start_tls(s);
    else if (smtp_tls_refused(s))
        log_in(s);
    return false;
}

/* One answer after the other, until the server has enough. */
static bool on_auth(struct smtp_session *s)
{
    logged_in(s, smtp_sasl_on_reply(s));
    return false;
}

/* Sending ahead */

static bool is_probe(const struct smtp_session *s)
{
    return s->delivery->job->request.flags & DELIVERY_TRACE_ONLY;
}

static enum smtp_step after_rcpts(const struct smtp_session *s)
{
    return is_probe(s) && !smtp_client.probe_until_data ? SMTP_STEP_NONE : SMTP_STEP_DATA;
}

static void send_one(struct smtp_session *s)
{
    struct smtp_delivery *d = s->delivery;
    struct strbuf *out = stream_output(s->stream);
    enum smtp_step step = s->send;
    size_t before = out->len;
    switch (s->send) {
    case SMTP_STEP_MAIL:
        smtp_commands_mail(s, d, out);
        s->send = SMTP_STEP_RCPT;
        break;
    case SMTP_STEP_RCPT:
        smtp_commands_rcpt(s, d->tx[s->send_rcpt++], out);
        if (s->send_rcpt == d->tx_count)
            s->send = after_rcpts(s);
        break;
    default:
        strbuf_add_str(out, "DATA\r\n");
        s->send = SMTP_STEP_NONE;
        break;
    }
    smtp_notice_said(s, step, slice_from(strbuf_slice(out), before));
    stream_output_changed(s->stream);
    s->outstanding++;
}

void smtp_proto_send(struct smtp_session *s)
{
    if (!s->delivery)
        return;
    if (s->recv == SMTP_STEP_BODY) {
        smtp_send_pump(s->delivery->send);
        return;
    }
    bool ahead = s->features & SMTP_EHLO_PIPELINING;
    while (s->send != SMTP_STEP_NONE && (ahead || s->outstanding == 0) &&
           !stream_output_is_full(s->stream))
        send_one(s);
}

void smtp_proto_probe(struct smtp_session *s)
{
    send_alone(s, SMTP_STEP_PROBE, "RSET\r\n");
}

void smtp_proto_abort(struct smtp_session *s)
{
    send_alone(s, SMTP_STEP_ABORT, "RSET\r\n");
}

static void start_mail(struct smtp_session *s)
{
    s->send = s->recv = SMTP_STEP_MAIL;
    s->send_rcpt = s->recv_rcpt = 0;
    s->outstanding = 0;
    s->is_failed = false;
    arm(s);
    smtp_proto_send(s);
}

void smtp_proto_transaction(struct smtp_session *s)
{
    s->xforward_sent = 0;
    CLEANUP(strbuf_done) struct strbuf line = STRBUF_ANY;
    if (smtp_params.smtp_send_xforward_command && smtp_xforward_next(s, &line))
        send_alone(s, SMTP_STEP_XFORWARD, line.s);
    else
        start_mail(s);
}

/* Replies of a transaction */

static bool fail_transaction(struct smtp_session *s, enum smtp_step step)
{
    struct smtp_why why;
    smtp_outcome_reply(s->delivery, s, step, &why);
    smtp_outcome_fail(s->delivery, NULL, &why);
    s->is_failed = true;
    s->send = SMTP_STEP_NONE;
    return true;
}

static bool end(struct smtp_session *s, bool with_rset)
{
    smtp_delivery_on_end(s->delivery, s, with_rset);
    return false;
}

static bool on_xforward(struct smtp_session *s)
{
    CLEANUP(strbuf_done) struct strbuf line = STRBUF_ANY;
    if (!is_positive(s)) {
        fail_transaction(s, SMTP_STEP_XFORWARD);
        return end(s, false);
    }
    if (smtp_xforward_next(s, &line))
        send_alone(s, SMTP_STEP_XFORWARD, line.s);
    else
        start_mail(s);
    return true;
}

/* The replies to what was sent ahead are read although nothing depends on them any more. */
static bool drain(struct smtp_session *s, enum smtp_step next)
{
    if (s->outstanding == 0)
        return end(s, s->recv != SMTP_STEP_MAIL);
    s->recv = next;
    arm(s);
    return true;
}

static bool on_mail(struct smtp_session *s)
{
    if (!is_positive(s)) {
        fail_transaction(s, SMTP_STEP_MAIL);
        if (s->outstanding > 0)
            s->recv = SMTP_STEP_RCPT;
        return s->outstanding > 0 ? drain(s, SMTP_STEP_RCPT) : end(s, false);
    }
    s->recv = SMTP_STEP_RCPT;
    arm(s);
    smtp_proto_send(s);
    return true;
}

static bool probe_done(struct smtp_session *s)
{
    struct smtp_delivery *d = s->delivery;
    for (size_t i = 0; i < d->tx_count; i++)
        if (d->tx[i]->state == SMTP_RCPT_ACCEPTED)
            smtp_outcome_sent(d, s, d->tx[i], d->tx[i]->reply_dsn, d->tx[i]->reply);
    return end(s, true);
}

static void judge_rcpt(struct smtp_session *s, struct smtp_rcpt *r)
{
    struct smtp_delivery *d = s->delivery;
    if (is_positive(s)) {
        r->state = SMTP_RCPT_ACCEPTED;
        d->accepted++;
        if (is_probe(s)) {
            r->reply = smtp_outcome_reply_text(d, s);
            r->reply_dsn = smtp_outcome_reply_dsn(d, s);
        }
        return;
    }
    struct smtp_why why;
    smtp_outcome_reply(d, s, SMTP_STEP_RCPT, &why);
    smtp_outcome_fail(d, r, &why);
}

static bool on_rcpt(struct smtp_session *s)
{
    struct smtp_delivery *d = s->delivery;
    struct smtp_rcpt *r = d->tx[s->recv_rcpt++];
    if (!s->is_failed)
        judge_rcpt(s, r);
    bool is_last = s->recv_rcpt == d->tx_count;
    if (s->is_failed)
        return drain(s, is_last ? SMTP_STEP_DATA : SMTP_STEP_RCPT);
    if (is_last && after_rcpts(s) == SMTP_STEP_NONE)
        return probe_done(s);
    if (is_last && d->accepted == 0) {
        s->send = SMTP_STEP_NONE; /* no DATA if there is still time */
        s->is_failed = true;
        return drain(s, SMTP_STEP_DATA);
    }
    s->recv = is_last ? SMTP_STEP_DATA : SMTP_STEP_RCPT;
    arm(s);
    smtp_proto_send(s);
    return true;
}

static bool on_data(struct smtp_session *s)
{
    enum { GO_AHEAD_CLASS = 3 };
    bool is_ok = s->reply.code / 100 == GO_AHEAD_CLASS;
    if (s->is_failed && is_ok) {
        /* It wants the content of a transaction without recipients: RFC 2920, section 3.1. */
        send_alone(s, SMTP_STEP_DOT, ".\r\n");
        return true;
    }
    if (s->is_failed)
        return end(s, true);
    if (!is_ok) {
        fail_transaction(s, SMTP_STEP_DATA);
        return end(s, true);
    }
    if (is_probe(s)) {
        s->is_unusable = true; /* hang up in front of the content */
        return probe_done(s);
    }
    s->recv = SMTP_STEP_BODY;
    s->delivery->send = smtp_send_new(s->delivery, s);
    arm(s);
    return smtp_send_pump(s->delivery->send);
}

/* A reply before the content is complete: the server has seen enough. */
static bool on_early(struct smtp_session *s)
{
    fail_transaction(s, SMTP_STEP_DOT);
    s->is_unusable = true;
    return end(s, false);
}

void smtp_proto_end_of_data(struct smtp_session *s)
{
    smtp_notice_said(s, SMTP_STEP_DOT, slice_of(".\r\n"));
    stream_write_str(s->stream, ".\r\n");
    s->recv = SMTP_STEP_DOT;
    s->outstanding = smtp_client.is_lmtp ? s->delivery->accepted : 1;
    s->recv_left = s->outstanding;
    s->recv_rcpt = 0;
    arm(s);
}

static void judge_dot(struct smtp_session *s, struct smtp_rcpt *r)
{
    struct smtp_delivery *d = s->delivery;
    if (is_positive(s)) {
        /* From the server's 250 on the mail is its own. A process that dies before the recipient is
         * marked, in smtp_outcome_sent(), delivers it once more after the restart: twice, never
         * not at all. */
        smtp_outcome_sent(d, s, r, smtp_outcome_reply_dsn(d, s), smtp_outcome_reply_text(d, s));
        return;
    }
    struct smtp_why why;
    smtp_outcome_reply(d, s, SMTP_STEP_DOT, &why);
    smtp_outcome_fail(d, r, &why);
}

/* SMTP has one reply for all recipients, LMTP one for each (RFC 2033, section 4.2). */
static bool on_dot(struct smtp_session *s)
{
    struct smtp_delivery *d = s->delivery;
    if (s->is_failed)
        return end(s, false);
    if (!smtp_client.is_lmtp && !is_positive(s)) {
        fail_transaction(s, SMTP_STEP_DOT);
        return end(s, false);
    }
    while (s->recv_rcpt < d->tx_count) {
        struct smtp_rcpt *r = d->tx[s->recv_rcpt++];
        if (r->state != SMTP_RCPT_ACCEPTED)
            continue;
        judge_dot(s, r);
        if (smtp_client.is_lmtp)
            break;
    }
    if (--s->recv_left > 0) {
        arm(s);
        return true;
    }
    return end(s, false);
}

/* RSET, QUIT */

static bool on_probe(struct smtp_session *s)
{
    if (is_positive(s)) {
        smtp_delivery_on_ready(s->delivery, s);
        return false;
    }
    smtp_delivery_on_lost(s->delivery, s, SMTP_END_LOST);
    return false;
}

static bool on_abort(struct smtp_session *s)
{
    smtp_session_quit(s);
    return false;
}

static bool on_quit(struct smtp_session *s)
{
    smtp_session_free(s);
    return false;
}

void smtp_proto_data_error(struct smtp_session *s)
{
    struct smtp_delivery *d = s->delivery;
    struct smtp_why why = {.kind = ERR_TEMP, .dsn = "4.3.0", .relay = s->relay};
    why.text = arena_printf(d->arena, "local data error while talking to %s", s->name);
    d->is_final = true; /* another host would not get further */
    smtp_outcome_fail(d, NULL, &why);
    s->is_unusable = true;
    smtp_delivery_on_end(d, s, false);
}

bool smtp_proto_reply(struct smtp_session *s)
{
    smtp_notice_heard(s);
    return steps[s->recv].on_reply(s);
}
