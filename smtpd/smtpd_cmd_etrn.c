/* ETRN (RFC 1985): deliver now what waits for a domain. */
#include "base/xmem.h"
#include "esmtp/esmtp_args.h"
#include "mail/address.h"
#include "mail/flush_client.h"
#include "smtpd/smtpd_check.h"
#include "smtpd/smtpd_cmd.h"
#include "smtpd/smtpd_compat.h"
#include "smtpd/smtpd_etrn.h"
#include "smtpd/smtpd_eval.h"
#include "smtpd/smtpd_params.h"
#include "smtpd/smtpd_server.h"
#include "smtpd/smtpd_session.h"

#include <stdlib.h>

struct smtpd_etrn {
    struct smtpd_session *s;
    char *domain;
    struct flush_call *call;
};

void smtpd_etrn_cancel(struct smtpd_etrn *etrn)
{
    if (!etrn)
        return;
    flush_call_cancel(etrn->call);
    free(etrn->domain);
    free(etrn);
}

static struct reply not_eligible(struct smtpd_session *s, const char *domain)
{
    log_warn(NULL, "reject: ETRN %.100s... from %s", domain, s->peer.namaddr);
    return reply_text(smtpd_session_text(s, "459 <%s>: service unavailable", domain));
}

static struct reply outcome(struct smtpd_session *s, const char *domain, enum flush_result result)
{
    switch (result) {
    case FLUSH_OK:
        return reply_text("250 Queuing started");
    case FLUSH_INELIGIBLE:
        return not_eligible(s, domain);
    case FLUSH_BAD:
        return reply_text("501 Error: invalid parameter syntax");
    case FLUSH_FAILED:
        break;
    }
    return reply_text("458 Unable to queue messages");
}

static void on_flushed(void *owner, enum flush_result result, const struct err *err)
{
    struct smtpd_etrn *etrn = owner;
    struct smtpd_session *s = etrn->s;
    if (err->kind != ERR_NONE)
        log_warn(NULL, "cannot flush mail for %s: %s", etrn->domain, err->reason);
    struct reply reply = outcome(s, etrn->domain, result);
    etrn->call = NULL; /* is over */
    smtpd_etrn_cancel(etrn);
    s->etrn = NULL;
    smtpd_session_answer(s, reply);
}

/* Only domains with a log of their deferred mail can be flushed. */
static bool is_eligible(struct smtpd_session *s, const char *domain)
{
    struct err err = ERR_INIT;
    enum map_status status = match_list_find(s->server->flush_domains, domain, &err);
    if (status == MAP_FAILED && !err.is_repeated)
        log_warn(NULL, "%s", err.reason);
    return status == MAP_FOUND;
}

static struct reply etrn_checked(struct smtpd_session *s, const struct reply *refusal)
{
    struct smtpd_etrn *etrn = s->etrn;
    bool eligible = !refusal && is_eligible(s, etrn->domain);
    if (eligible && s->server->flush) {
        smtpd_compat_flushed(s, etrn->domain);
        etrn->call = flush_client_send_site(s->server->flush, etrn->domain, on_flushed, etrn);
        return reply_pending();
    }
    struct reply reply = refusal    ? *refusal
                         : eligible ? outcome(s, etrn->domain, FLUSH_FAILED)
                                    : not_eligible(s, etrn->domain);
    smtpd_etrn_cancel(etrn);
    s->etrn = NULL;
    return reply;
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
    s->etrn = xzalloc(sizeof *s->etrn);
    s->etrn->s = s;
    s->etrn->domain = slice_dup(domain);
    return smtpd_check_etrn(s, domain, etrn_checked);
}
