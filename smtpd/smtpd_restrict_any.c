/* Restrictions that fit into every list. */
#include "config/common_params.h"
#include "smtpd/smtpd_params.h"
#include "smtpd/smtpd_reject.h"
#include "smtpd/smtpd_server.h"
#include "smtpd/smtpd_session.h"

static enum smtpd_verdict reject_here(struct smtpd_eval *e, int64_t code, const char *dsn,
                                      const char *text)
{
    enum smtpd_reply_class class = smtpd_class_of_list(e);
    return smtpd_reject_item(e, class, smtpd_class_item(e, class), (int)code, dsn, text);
}

SMTPD_RULE(smtpd_permit)
{
    (void)e;
    (void)rule;
    return SMTPD_VERDICT_PERMIT;
}

SMTPD_RULE(smtpd_nothing)
{
    (void)e;
    (void)rule;
    return SMTPD_VERDICT_NONE;
}

SMTPD_RULE(smtpd_reject_all)
{
    (void)rule;
    return reject_here(e, smtpd_params.reject_code, "5.7.1", "Access denied");
}

SMTPD_RULE(smtpd_defer_all)
{
    (void)rule;
    return reject_here(e, smtpd_params.defer_code, "4.3.2", "Try again later");
}

SMTPD_RULE(smtpd_defer_if_permit)
{
    (void)rule;
    return smtpd_defer_list(e, &e->if_permit, "4.7.0", "defer_if_permit requested");
}

SMTPD_RULE(smtpd_defer_if_reject)
{
    (void)rule;
    return smtpd_defer_list(e, &e->if_reject, "4.7.0", "defer_if_reject requested");
}

SMTPD_RULE(smtpd_warn_if_reject)
{
    (void)rule;
    e->warn_if_reject++;
    return SMTPD_VERDICT_NONE;
}

static void on_slept(void *owner)
{
    struct smtpd_eval *e = owner;
    smtpd_eval_resume(e, SMTPD_VERDICT_NONE);
}

SMTPD_RULE(smtpd_sleep)
{
    timer_free(e->timer);
    e->timer = timer_new(e->s->server->loop, on_slept, e);
    timer_start(e->timer, rule->number * 1000);
    return SMTPD_VERDICT_PENDING;
}

SMTPD_RULE(smtpd_class)
{
    return smtpd_eval_push(e, rule->list);
}

SMTPD_RULE(smtpd_useless)
{
    (void)e;
    log_warn(NULL, "%s", rule->complaint);
    return SMTPD_VERDICT_NONE;
}

SMTPD_RULE(smtpd_misconfigured)
{
    if (rule->complaint)
        log_warn(NULL, "%s", rule->complaint);
    else
        log_warn(NULL, "unknown smtpd restriction: \"%s\"", rule->word);
    return smtpd_reject_configuration(e);
}

SMTPD_RULE(smtpd_reject_multi_recipient_bounce)
{
    (void)rule;
    const struct smtpd_tx *tx = e->s->tx;
    size_t coming = e->stage == SMTPD_STAGE_RCPT ? 1 : 0;
    if (!tx || tx->sender[0] || tx->recipient_count + coming <= 1)
        return SMTPD_VERDICT_NONE;
    return reject_here(e, smtpd_params.multi_recipient_bounce_reject_code, "5.5.3",
                       "Multi-recipient bounce");
}

SMTPD_RULE(smtpd_reject_unauth_pipelining)
{
    (void)rule;
    if (!(e->s->flags & SMTPD_SESSION_PIPELINED))
        return SMTPD_VERDICT_NONE;
    return reject_here(e, 503, "5.5.0", "Improper use of SMTP command pipelining");
}

SMTPD_RULE(smtpd_reject_plaintext_session)
{
    (void)rule; /* every session is one until STARTTLS is built */
    return smtpd_reject(e, (int)smtpd_params.plaintext_reject_code, "4.7.1",
                        "Session encryption is required");
}
