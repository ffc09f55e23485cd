/* The first words to a client: limits, restrictions and mail filters come before them. */
#include "smtpd/smtpd_greet.h"

#include "config/common_params.h"
#include "smtpd/smtpd_check.h"
#include "smtpd/smtpd_limits.h"
#include "smtpd/smtpd_milter.h"
#include "smtpd/smtpd_params.h"
#include "smtpd/smtpd_server.h"
#include "smtpd/smtpd_session.h"

static struct reply greeting(struct smtpd_session *s, const struct reply *refusal)
{
    if (refusal) {
        struct reply r = *refusal;
        s->flags |= SMTPD_SESSION_DENIED;
        r.disconnects = esmtp_reply_code(r.text) == 421 || esmtp_reply_code(r.text) == 521;
        return r;
    }
    return reply_text(smtpd_session_text(s, "220 %s", smtpd_params.smtpd_banner));
}

/* Who must not connect hears so at once; with less than that the greeting comes, and MAIL fails. */
static struct reply milter_greeting(struct smtpd_session *s, const struct reply *refusal)
{
    int code = refusal ? esmtp_reply_code(refusal->text) : 0;
    if (code == 421 && refusal->disconnects)
        return *refusal;
    if (code == 421)
        return reply_and_close(smtpd_session_text(s, "421 %s Service unavailable - try again later",
                                                  common_params.myhostname));
    if (code >= 500)
        return reply_text(smtpd_session_text(s, "554 %s ESMTP not accepting connections",
                                             common_params.myhostname));
    return greeting(s, NULL);
}

static struct reply connect_checked(struct smtpd_session *s, const struct reply *refusal)
{
    return refusal ? greeting(s, refusal) : smtpd_milter_connect(s, milter_greeting);
}

static struct reply after_connect_limit(struct smtpd_session *s, const struct reply *refusal)
{
    if (refusal)
        return *refusal;
    return smtpd_check(s, SMTPD_STAGE_CONNECT, connect_checked);
}

struct reply smtpd_greet_again(struct smtpd_session *s)
{
    unsigned kept = s->flags & SMTPD_SESSION_LOCAL_HEADERS; /* as the connection has it */
    s->flags &= ~(unsigned)SMTPD_SESSION_LIMITED;
    smtpd_limit_prepare(s);
    smtpd_server_classify(s);
    s->flags = (s->flags & ~(unsigned)SMTPD_SESSION_LOCAL_HEADERS) | kept;
    return smtpd_limit_connect(s, after_connect_limit);
}

void smtpd_greet(struct smtpd_session *s)
{
    smtpd_limit_prepare(s);
    smtpd_server_classify(s);
    if (smtpd_server_list_has(s->server->xforward_hosts, s))
        s->flags |= SMTPD_SESSION_XFORWARD;
    smtpd_session_answer(s, smtpd_limit_connect(s, after_connect_limit));
}
