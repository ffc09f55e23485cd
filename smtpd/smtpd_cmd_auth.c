/* AUTH, RFC 4954: from the command to the last reply. */
#include "base/xmem.h"
#include "esmtp/esmtp_args.h"
#include "sasl/auth_server.h"
#include "smtpd/smtpd_auth.h"
#include "smtpd/smtpd_cmd.h"
#include "smtpd/smtpd_limits.h"
#include "smtpd/smtpd_params.h"
#include "smtpd/smtpd_session.h"

#include <stdlib.h>
#include <string.h>

static void log_failure(struct smtpd_session *s, const struct auth_step *step)
{
    log_warn(smtpd_session_plain_tag(s),
             "%s: SASL %.100s authentication failed: %s, sasl_username=%.100s", s->peer.namaddr,
             s->auth->mechanism, step->text, step->login ? step->login : "(unavailable)");
}

static struct reply reply_of(struct smtpd_session *s, const struct auth_step *step)
{
    switch (step->status) {
    case AUTH_MORE:
        return reply_text(smtpd_session_text(s, "334 %s", step->text));
    case AUTH_OK:
        smtpd_session_set_login(s, s->auth->mechanism, step->login);
        smtpd_server_classify(s);
        return reply_text("235 2.7.0 Authentication successful");
    case AUTH_FAILED:
        log_failure(s, step);
        return reply_text(
            smtpd_session_text(s, "535 5.7.8 Error: authentication failed: %s", step->text));
    case AUTH_BROKEN:
        break;
    }
    log_failure(s, step);
    return reply_text(
        smtpd_session_text(s, "454 4.7.0 Temporary authentication failure: %s", step->text));
}

static void on_step(void *owner, const struct auth_step *step)
{
    struct smtpd_session *s = owner;
    struct smtpd_auth *auth = s->auth;
    struct slice rest = slice_of(step->notes), line;
    auth->wants_line = step->status == AUTH_MORE;
    if (step->status != AUTH_MORE)
        auth->exchange = NULL;
    else if (s->stream) /* the response may be longer than any command */
        stream_input_max(s->stream, MAX((size_t)STREAM_INPUT_MAX_DEFAULT,
                                        2 * (size_t)smtpd_params.smtpd_sasl_response_limit));
    while (slice_next_line(&rest, &line))
        log_warn(smtpd_session_plain_tag(s), "%.*s", SLICE_ARG(line));
    smtpd_session_answer(s, reply_of(s, step));
}

static struct reply begin(struct smtpd_session *s)
{
    struct smtpd_server *server = s->server;
    struct smtpd_auth *auth = s->auth;
    const struct auth_peer peer = {
        .client_address = s->peer.address,
        .server_address = s->peer.server_address,
        .client_port = s->peer.port,
        .server_port = s->peer.server_port,
        .is_encrypted = s->tls != NULL,
    };
    struct slice initial = slice_of(auth->initial);
    if (slice_eq(initial, "=")) /* RFC 4954, 4: a response of no bytes */
        initial = SLICE_EMPTY;
    auth->exchange =
        auth_begin(server->auth, &peer, s->tls ? server->auth_tls_policy : server->auth_policy,
                   auth->mechanism, auth->initial ? &initial : NULL, on_step, s);
    if (auth->initial)
        explicit_bzero(auth->initial, strlen(auth->initial)); /* a password may be in it */
    free(auth->initial);
    auth->initial = NULL;
    return reply_pending();
}

static struct reply counted(struct smtpd_session *s, const struct reply *refusal)
{
    if (refusal)
        return *refusal;
    if (!s->auth->mechanism)
        return reply_text("501 5.5.4 Syntax: AUTH mechanism");
    return begin(s);
}

/* Keep mechanism and initial response; no mechanism when that is not what ARGS has. */
static void keep_args(struct smtpd_auth *auth, struct slice args)
{
    struct slice mechanism, initial = SLICE_EMPTY, more;
    free(auth->mechanism);
    free(auth->initial);
    auth->mechanism = auth->initial = NULL;
    if (!esmtp_next_word(&args, &mechanism))
        return;
    bool has_initial = esmtp_next_word(&args, &initial);
    if (esmtp_next_word(&args, &more))
        return;
    auth->mechanism = slice_dup(mechanism);
    if (has_initial)
        auth->initial = slice_dup(initial);
}

struct reply smtpd_cmd_auth(struct smtpd_session *s, struct slice args)
{
    if (smtpd_params.smtpd_helo_required && !s->helo)
        return reply_text("503 5.5.1 Error: send HELO/EHLO first");
    if (!smtpd_auth_is_on(s))
        return reply_text("503 5.5.1 Error: authentication not enabled");
    if (s->tx)
        return reply_text("503 5.5.1 Error: MAIL transaction in progress");
    if (s->login)
        return reply_text("503 5.5.1 Error: already authenticated");
    keep_args(smtpd_auth_get(s), args);
    return smtpd_limit_auth(s, counted);
}

struct reply smtpd_auth_line(struct smtpd_session *s, struct slice line)
{
    struct smtpd_auth *auth = s->auth;
    auth->wants_line = false;
    bool is_too_long = line.len >= (size_t)smtpd_params.smtpd_sasl_response_limit;
    if (!is_too_long && !slice_eq(line, "*")) {
        auth_respond(auth->exchange, line);
        return reply_pending();
    }
    auth_cancel(auth->exchange);
    auth->exchange = NULL;
    if (is_too_long)
        return reply_text("500 5.5.6 SASL response limit exceeded");
    log_warn(smtpd_session_plain_tag(s), "%s: SASL %.100s authentication aborted", s->peer.namaddr,
             auth->mechanism);
    return reply_text("501 5.7.0 Authentication aborted");
}
