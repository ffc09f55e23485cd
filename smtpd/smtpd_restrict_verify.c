/* reject_unverified_sender, reject_unverified_recipient: what does verify(8) know of an address? */
#include "base/clock.h"
#include "config/common_params.h"
#include "mail/address.h"
#include "mail/verify_client.h"
#include "mail/verify_sender.h"
#include "smtpd/smtpd_params.h"
#include "smtpd/smtpd_reject.h"
#include "smtpd/smtpd_server.h"
#include "smtpd/smtpd_session.h"

#include <strings.h>

struct smtpd_verify {
    struct smtpd_eval *e;
    bool is_sender;
    const char *address;
    int64_t asked;
    struct call *call;
    struct timer *timer; /* the pause before the next question */
};

void smtpd_verify_cancel(struct smtpd_verify *v)
{
    if (!v)
        return;
    call_cancel(v->call);
    timer_free(v->timer);
    v->call = NULL;
    v->timer = NULL;
}

static enum smtpd_verdict reject(struct smtpd_verify *v, int code, const char *text)
{
    enum smtpd_reply_class class = v->is_sender ? SMTPD_CLASS_SENDER : SMTPD_CLASS_RECIPIENT;
    const char *dsn = v->is_sender ? "4.1.7" : "4.1.1";
    const char *own = v->is_sender ? smtpd_params.unverified_sender_reject_reason
                                   : smtpd_params.unverified_recipient_reject_reason;
    const char *full =
        arena_printf(v->e->arena, "%s address: %s", code >= 500 ? "undeliverable" : "unverified",
                     own[0] ? own : text);
    if (code < 400) /* a code of success: only a note to the administrator */
        return SMTPD_VERDICT_NONE;
    return smtpd_reject_item(v->e, class, v->address, code, dsn, full);
}

static enum smtpd_verdict bounced(struct smtpd_verify *v, const char *text)
{
    return reject(v,
                  (int)(v->is_sender ? smtpd_params.unverified_sender_reject_code
                                     : smtpd_params.unverified_recipient_reject_code),
                  text);
}

/* Not known yet, or the probe met a temporary error. */
static enum smtpd_verdict deferred(struct smtpd_verify *v, const char *text)
{
    int code = (int)(v->is_sender ? smtpd_params.unverified_sender_defer_code
                                  : smtpd_params.unverified_recipient_defer_code);
    const char *action = v->is_sender ? smtpd_params.unverified_sender_tempfail_action
                                      : smtpd_params.unverified_recipient_tempfail_action;
    if (strcasecmp(action, "permit") == 0)
        return SMTPD_VERDICT_PERMIT;
    if (strcasecmp(action, "defer") == 0 || code < 400)
        return reject(v, code, text);
    const char *own = v->is_sender ? smtpd_params.unverified_sender_reject_reason
                                   : smtpd_params.unverified_recipient_reject_reason;
    const char *full = arena_printf(v->e->arena, "unverified address: %s", own[0] ? own : text);
    smtpd_defer_later(v->e, &v->e->if_permit,
                      v->is_sender ? SMTPD_CLASS_SENDER : SMTPD_CLASS_RECIPIENT, v->address, code,
                      v->is_sender ? "4.1.7" : "4.1.1", full);
    return SMTPD_VERDICT_NONE;
}

static enum smtpd_verdict outcome(struct smtpd_verify *v, const struct verify_status *status)
{
    switch ((enum verify_result)status->result) {
    case VERIFY_OK:
        return SMTPD_VERDICT_NONE;
    case VERIFY_BOUNCED:
        return bounced(v, status->text);
    case VERIFY_DEFERRED:
    case VERIFY_TODO:
        break;
    }
    return deferred(v, status->text);
}

static void ask(void *owner);

static void on_answer(void *owner, uint16_t kind, struct slice body, const struct err *err)
{
    struct smtpd_verify *v = owner;
    struct smtpd_eval *e = v->e;
    struct verify_status status;
    struct err why = ERR_INIT;
    v->call = NULL;
    if (!verify_client_answer(kind, body, err, e->arena, &status, &why)) {
        log_warn(NULL, "%s: %s", common_params.address_verify_service_name, why.reason);
        smtpd_verify_cancel(v);
        smtpd_eval_resume(e, deferred(v, "Address verification problem"));
        return;
    }
    if (status.result == VERIFY_TODO && v->asked < smtpd_params.address_verify_poll_count) {
        timer_start(v->timer, smtpd_params.address_verify_poll_delay * 1000);
        return;
    }
    smtpd_verify_cancel(v);
    smtpd_eval_resume(e, outcome(v, &status));
}

static void ask(void *owner)
{
    struct smtpd_verify *v = owner;
    struct verify_query query = {.address = v->address};
    v->asked++;
    v->call = client_call(v->e->s->server->verify, VERIFY_QUERY, &verify_query_type, &query,
                          on_answer, v);
}

/* Senders of the mail system itself, mail to which is thrown away, need no probe. */
static bool is_own(const struct resolve_reply *r)
{
    struct slice local, domain;
    struct timeval now;
    if (r->address_class != RESOLVE_CLASS_LOCAL ||
        !address_split(slice_of(r->recipient), &local, &domain))
        return false;
    clock_wall(&now);
    return slice_eq_nocase(local, common_params.double_bounce_sender) ||
           verify_sender_has_local_part(now.tv_sec, local);
}

static enum smtpd_verdict start(struct smtpd_eval *e, const char *address, bool is_sender)
{
    enum smtpd_verdict verdict;
    const struct resolve_reply *r =
        is_sender ? smtpd_eval_sender(e, &verdict) : smtpd_eval_recipient(e, &verdict);
    if (!r)
        return verdict;
    if (is_own(r))
        return SMTPD_VERDICT_NONE;
    struct smtpd_verify *v = arena_zalloc(e->arena, sizeof *v);
    *v = (struct smtpd_verify){.e = e, .is_sender = is_sender, .address = address};
    v->timer = timer_new(e->s->server->loop, ask, v);
    e->verify = v;
    ask(v);
    return SMTPD_VERDICT_PENDING;
}

SMTPD_RULE(smtpd_reject_unverified_sender)
{
    (void)rule;
    const struct smtpd_tx *tx = e->s->tx;
    return tx && tx->sender[0] ? start(e, tx->sender, true) : SMTPD_VERDICT_NONE;
}

SMTPD_RULE(smtpd_reject_unverified_recipient)
{
    (void)rule;
    const char *recipient = smtpd_eval_recipient_address(e);
    return recipient ? start(e, recipient, false) : SMTPD_VERDICT_NONE;
}
