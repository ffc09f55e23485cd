/* RSET NOOP VRFY ETRN QUIT HELP, and verbs whose part of the server is not built. */
#include "base/xmem.h"
#include "config/common_params.h"
#include "esmtp/esmtp_args.h"
#include "mail/address.h"
#include "smtpd/smtpd_check.h"
#include "smtpd/smtpd_cmd.h"
#include "smtpd/smtpd_eval.h"
#include "smtpd/smtpd_params.h"
#include "smtpd/smtpd_path.h"
#include "smtpd/smtpd_reject.h"
#include "smtpd/smtpd_server.h"
#include "smtpd/smtpd_session.h"
#include "smtpd/smtpd_tx.h"

enum { ADDRESS_MAX = 8192 };

struct reply smtpd_cmd_rset(struct smtpd_session *s, struct slice args)
{
    if (args.len)
        return reply_text("501 5.5.4 Syntax: RSET");
    smtpd_tx_reset(s);
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
    return smtpd_cmd_unknown(s, args);
}

struct reply smtpd_cmd_starttls(struct smtpd_session *s, struct slice args)
{
    (void)s;
    if (args.len)
        return reply_text("501 5.5.4 Syntax: STARTTLS");
    return reply_text("502 5.5.1 Error: command not implemented");
}

struct reply smtpd_cmd_auth(struct smtpd_session *s, struct slice args)
{
    (void)args;
    if (smtpd_params.smtpd_helo_required && !s->helo)
        return reply_text("503 5.5.1 Error: send HELO/EHLO first");
    return reply_text("503 5.5.1 Error: authentication not enabled");
}

/* Nobody is authorized to claim another name. */
struct reply smtpd_cmd_xclient(struct smtpd_session *s, struct slice args)
{
    (void)s;
    (void)args;
    return reply_text("550 5.7.0 Error: insufficient authorization");
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
    struct smtpd_tx *tx = smtpd_tx_new("");
    tx->suspended = s->tx;
    tx->recipient = arena_strdup(tx->arena, address.s);
    tx->verify_text = arena_slice_dup(tx->arena, text);
    s->tx = tx;
    return smtpd_check(s, SMTPD_STAGE_VRFY, vrfy_checked);
}

static struct reply etrn_checked(struct smtpd_session *s, const struct reply *refusal)
{
    (void)s;
    if (refusal)
        return *refusal;
    log_warn(NULL, "the flush service is not built into this release yet");
    return reply_text("458 Unable to queue messages");
}

/* Only domains with a log of their deferred mail can be flushed. */
static bool etrn_is_eligible(struct smtpd_session *s, struct slice domain)
{
    struct err err = ERR_INIT;
    CLEANUP(xfree_ptr) char *name = slice_dup(domain);
    enum map_status status = match_list_find(s->server->flush_domains, name, &err);
    if (status == MAP_FAILED)
        log_warn(NULL, "%s", err.reason);
    return status == MAP_FOUND;
}

struct reply smtpd_cmd_etrn(struct smtpd_session *s, struct slice args)
{
    struct slice domain, extra;
    if (smtpd_params.smtpd_helo_required && !s->helo)
        return reply_text("503 Error: send HELO/EHLO first");
    if (!esmtp_next_word(&args, &domain) || esmtp_next_word(&args, &extra))
        return reply_text("500 Syntax: ETRN domain");
    if (domain.s[0] == '@' || domain.s[0] == '#')
        domain = slice_from(domain, 1);
    bool literal = domain.len && domain.s[0] == '[';
    if (!(literal ? address_is_literal(domain) : address_is_hostname(domain)))
        return reply_text("501 Error: invalid parameter syntax");
    if (!etrn_is_eligible(s, domain)) {
        log_warn(NULL, "reject: ETRN %.*s... from %s", SLICE_ARG(slice_first(domain, 100)),
                 s->peer.namaddr);
        return reply_text(
            smtpd_session_text(s, "459 <%.*s>: service unavailable", SLICE_ARG(domain)));
    }
    return smtpd_check_etrn(s, domain, etrn_checked);
}
