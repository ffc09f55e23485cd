/* HELO and EHLO. */
#include "base/xmem.h"
#include "config/common_params.h"
#include "esmtp/esmtp_args.h"
#include "smtpd/smtpd_auth.h"
#include "smtpd/smtpd_check.h"
#include "smtpd/smtpd_cmd.h"
#include "smtpd/smtpd_ehlo.h"
#include "smtpd/smtpd_milter.h"
#include "smtpd/smtpd_notice.h"
#include "smtpd/smtpd_params.h"
#include "smtpd/smtpd_server.h"
#include "smtpd/smtpd_session.h"
#include "smtpd/smtpd_tx.h"

#include <stdlib.h>
#include <string.h>

/* The name goes into headers and log lines: what has a meaning there becomes '?'. */
char *smtpd_helo_clean(struct slice name)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    struct slice word;
    while (esmtp_next_word(&name, &word)) {
        if (text.len)
            strbuf_add_char(&text, '?');
        for (size_t i = 0; i < word.len; i++) {
            unsigned char c = (unsigned char)word.s[i];
            bool bad = c <= ' ' || c == 127 || strchr("<>()\\\";@", c);
            strbuf_add_char(&text, bad ? '?' : (char)c);
        }
    }
    return strbuf_take(&text);
}

/* Sendmail ignores what a filter says to a greeting until there is mail to refuse, and so do we,
 * unless it ends the session. True: REPLY is due. What stood before the greeting is void now, which
 * filters hear after the new one. */
static bool milters_end_session(struct smtpd_session *s, const struct reply *refusal,
                                struct reply *reply)
{
    smtpd_milter_abort(s, s->milter_aborts);
    smtpd_tx_drop(s);
    smtpd_notice_flush(s);
    if (!refusal || esmtp_reply_code(refusal->text) != 421)
        return false;
    *reply = reply_and_close(refusal->text);
    return true;
}

static struct reply helo_milters_asked(struct smtpd_session *s, const struct reply *refusal)
{
    struct reply reply;
    if (milters_end_session(s, refusal, &reply))
        return reply;
    return reply_text(smtpd_session_text(s, "250 %s", common_params.myhostname));
}

static struct reply ehlo_reply(struct smtpd_session *s)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    smtpd_ehlo_format(s, &text);
    return reply_text(smtpd_session_text(s, "%s", text.s));
}

static struct reply ehlo_milters_asked(struct smtpd_session *s, const struct reply *refusal)
{
    struct reply reply;
    if (milters_end_session(s, refusal, &reply))
        return reply;
    s->flags |= SMTPD_SESSION_ESMTP;
    smtpd_ehlo_prepare(s);
    if (refusal &&
        esmtp_reply_code(refusal->text) >= 500) /* who will be refused is offered nothing */
        s->ehlo_discard = ~(unsigned)SMTPD_EHLO_DSNCODES;
    return smtpd_auth_await(s, ehlo_reply) ? reply_pending() : ehlo_reply(s);
}

static struct reply refuse(struct smtpd_session *s, const struct reply *refusal)
{
    free(s->helo);
    s->helo = NULL;
    return *refusal;
}

static struct reply helo_checked(struct smtpd_session *s, const struct reply *refusal)
{
    return refusal ? refuse(s, refusal) : smtpd_milter_helo(s, helo_milters_asked);
}

static struct reply ehlo_checked(struct smtpd_session *s, const struct reply *refusal)
{
    return refusal ? refuse(s, refusal) : smtpd_milter_helo(s, ehlo_milters_asked);
}

static struct reply helo(struct smtpd_session *s, struct slice args, bool is_ehlo)
{
    if (args.len == 0)
        return reply_text(is_ehlo ? "501 Syntax: EHLO hostname" : "501 Syntax: HELO hostname");
    s->milter_aborts = (s->helo ? 1 : 0) + (s->tx ? 1 : 0);
    free(s->helo);
    s->helo = smtpd_helo_clean(args);
    /* while this is checked, transaction and protocol are still what they were */
    return smtpd_check(s, SMTPD_STAGE_HELO, is_ehlo ? ehlo_checked : helo_checked);
}

struct reply smtpd_cmd_helo(struct smtpd_session *s, struct slice args)
{
    return helo(s, args, false);
}

struct reply smtpd_cmd_ehlo(struct smtpd_session *s, struct slice args)
{
    return helo(s, args, true);
}
