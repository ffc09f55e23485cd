/* RSET NOOP VRFY QUIT HELP, and verbs whose part of the server is not built. */
#include "config/common_params.h"
#include "smtpd/smtpd_check.h"
#include "smtpd/smtpd_cmd.h"
#include "smtpd/smtpd_ehlo.h"
#include "smtpd/smtpd_limits.h"
#include "smtpd/smtpd_notice.h"
#include "smtpd/smtpd_params.h"
#include "smtpd/smtpd_path.h"
#include "smtpd/smtpd_server.h"
#include "smtpd/smtpd_session.h"
#include "smtpd/smtpd_tls.h"
#include "smtpd/smtpd_tx.h"

enum { ADDRESS_MAX = 8192 };

struct reply smtpd_cmd_rset(struct smtpd_session *s, struct slice args)
{
    if (args.len)
        return reply_text("501 5.5.4 Syntax: RSET");
    smtpd_tx_reset(s);
    smtpd_notice_flush(s);
    return reply_text("250 2.0.0 Ok");
}

struct reply smtpd_cmd_noop(struct smtpd_session *s, struct slice args)
{
    (void)s;
    (void)args;
    return reply_text("250 2.0.0 Ok");
}

struct reply smtpd_cmd_quit(struct smtpd_session *s, struct slice args)
{
    (void)s;
    (void)args;
    return reply_and_close("221 2.0.0 Bye");
}

struct reply smtpd_cmd_help(struct smtpd_session *s, struct slice args)
{
    (void)s;
    (void)args;
    return reply_text("214 2.0.0 Commands: AUTH BDAT DATA EHLO ETRN HELO HELP MAIL NOOP QUIT RCPT "
                      "RSET STARTTLS VRFY XCLIENT XFORWARD");
}

static struct reply starttls_after_limit(struct smtpd_session *s, const struct reply *refusal)
{
    if (refusal)
        return reply_and_close(refusal->text);
    if (!smtpd_tls_prepare(s))
        return reply_text("454 4.7.0 TLS not available due to local problem");
    return reply_text("220 2.0.0 Ready to start TLS");
}

struct reply smtpd_cmd_starttls(struct smtpd_session *s, struct slice args)
{
    if (args.len)
        return reply_text("501 5.5.4 Syntax: STARTTLS");
    if (s->server->tls_level == SMTPD_TLS_NONE || (s->flags & SMTPD_SESSION_STDIN) ||
        (s->ehlo_discard & SMTPD_EHLO_STARTTLS))
        return reply_text("502 5.5.1 Error: command not implemented");
    if (s->tls)
        return reply_text("554 5.5.1 Error: TLS already active");
    if (!s->server->tls)
        return reply_text("454 4.7.0 TLS not available due to local problem");
    return smtpd_limit_starttls(s, starttls_after_limit);
}

/* VRFY borrows a transaction, as it asks the same questions as RCPT. */
static struct reply vrfy_checked(struct smtpd_session *s, const struct reply *refusal)
{
    struct smtpd_tx *tx = s->tx;
    struct reply reply = refusal ? *refusal : reply_text(NULL);
    if (!refusal)
        reply.text = smtpd_session_text(s, "252 2.0.0 %s", tx->verify_text);
    s->tx = tx->suspended;
    tx->suspended = NULL;
    smtpd_tx_free(tx);
    return reply;
}

struct reply smtpd_cmd_vrfy(struct smtpd_session *s, struct slice args)
{
    CLEANUP(strbuf_done) struct strbuf address = STRBUF_INIT(ADDRESS_MAX);
    struct slice rest, text = args;
    if (smtpd_params.disable_vrfy_command)
        return reply_text("502 5.5.1 VRFY command is disabled");
    if (args.len == 0)
        return reply_text(common_params.smtputf8_enable
                              ? "501 5.5.4 Syntax: VRFY address [SMTPUTF8]"
                              : "501 5.5.4 Syntax: VRFY address");
    if (common_params.smtputf8_enable && slice_ends_nocase(text, " SMTPUTF8"))
        text = slice_trim_right(slice_first(text, text.len - 9));
    if (!smtpd_path_parse(s, "VRFY", text, false, false, &address, &rest) || slice_trim(rest).len)
        return reply_text("501 5.1.3 Bad recipient address syntax");
    struct smtpd_tx *tx = smtpd_tx_new(s->tx ? s->tx->sender : "");
    tx->suspended = s->tx;
    tx->recipient = arena_strdup(tx->arena, address.s);
    tx->verify_text = arena_slice_dup(tx->arena, text);
    s->tx = tx;
    return smtpd_check(s, SMTPD_STAGE_VRFY, vrfy_checked);
}
