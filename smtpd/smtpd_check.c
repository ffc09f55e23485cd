/* Stages of the dialogue and their lists. */
#include "smtpd/smtpd_check.h"

#include "smtpd/smtpd_eval.h"
#include "smtpd/smtpd_params.h"
#include "smtpd/smtpd_session.h"

#include <strings.h>

static void add_list(struct smtpd_eval *e, enum smtpd_list_id id)
{
    e->lists[e->list_count++] = id;
}

static void add_recipient_lists(struct smtpd_eval *e)
{
    if (smtpd_params.smtpd_delay_reject) {
        add_list(e, SMTPD_LIST_CLIENT);
        add_list(e, SMTPD_LIST_HELO);
        add_list(e, SMTPD_LIST_SENDER);
    }
    bool relay_first = smtpd_params.smtpd_relay_before_recipient_restrictions;
    add_list(e, relay_first ? SMTPD_LIST_RELAY : SMTPD_LIST_RECIPIENT);
    add_list(e, relay_first ? SMTPD_LIST_RECIPIENT : SMTPD_LIST_RELAY);
}

static void add_early_list(struct smtpd_eval *e, enum smtpd_list_id id)
{
    if (!smtpd_params.smtpd_delay_reject)
        add_list(e, id);
}

struct reply smtpd_check(struct smtpd_session *s, enum smtpd_stage stage, smtpd_next_fn next)
{
    if (s->flags & SMTPD_SESSION_STDIN) /* the user of sendmail -bs is no stranger */
        return next(s, NULL);
    if (s->tx && (s->tx->actions.discard || (s->held && s->held->actions.discard)))
        return next(s, NULL);
    /* RFC 5321, section 4.5.1: postmaster without a domain is always accepted */
    if (stage == SMTPD_STAGE_RCPT && strcasecmp(s->tx->recipient, "postmaster") == 0)
        return next(s, NULL);
    struct smtpd_eval *e = smtpd_eval_new(s, stage, next);
    switch (stage) {
    case SMTPD_STAGE_CONNECT:
        add_early_list(e, SMTPD_LIST_CLIENT);
        break;
    case SMTPD_STAGE_HELO:
        add_early_list(e, SMTPD_LIST_HELO);
        break;
    case SMTPD_STAGE_MAIL:
        add_early_list(e, SMTPD_LIST_SENDER);
        break;
    case SMTPD_STAGE_RCPT:
    case SMTPD_STAGE_VRFY:
        add_recipient_lists(e);
        break;
    case SMTPD_STAGE_DATA:
        add_list(e, SMTPD_LIST_DATA);
        break;
    case SMTPD_STAGE_END_OF_DATA:
        add_list(e, SMTPD_LIST_END_OF_DATA);
        break;
    case SMTPD_STAGE_ETRN:
    case SMTPD_STAGE_UNKNOWN:
    case SMTPD_STAGES:
        break;
    }
    return smtpd_eval_run(e);
}

struct reply smtpd_check_etrn(struct smtpd_session *s, struct slice domain, smtpd_next_fn next)
{
    if (s->flags & SMTPD_SESSION_STDIN)
        return next(s, NULL);
    struct smtpd_eval *e = smtpd_eval_new(s, SMTPD_STAGE_ETRN, next);
    e->etrn_domain = arena_slice_dup(e->arena, domain);
    if (smtpd_params.smtpd_delay_reject) {
        add_list(e, SMTPD_LIST_CLIENT);
        add_list(e, SMTPD_LIST_HELO);
    }
    add_list(e, SMTPD_LIST_ETRN);
    return smtpd_eval_run(e);
}
