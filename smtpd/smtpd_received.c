/* The headers smtpd puts in front of a message. */
#include "base/clock.h"
#include "config/common_params.h"
#include "mail/address.h"
#include "mail/record.h"
#include "smtpd/smtpd_eval.h"
#include "smtpd/smtpd_params.h"
#include "smtpd/smtpd_session.h"
#include "smtpd/smtpd_sink.h"
#include "smtpd/smtpd_tls.h"
#include "smtpd/smtpd_tx.h"

#include <stdio.h>
#include <sys/socket.h>

static void add_prepended(const struct smtpd_actions *actions, struct strbuf *out)
{
    for (const struct smtpd_prepend *line = actions->prepend; line; line = line->next)
        record_add(out, REC_LINE, slice_of(line->line));
}

/* RFC 3848, RFC 6531 (4.3) */
static const char *protocol_of(const struct smtpd_session *s, char *buffer, size_t size)
{
    bool extended = s->tx->smtputf8 || (s->flags & SMTPD_SESSION_ESMTP);
    snprintf(buffer, size, "%s%s%s", s->tx->smtputf8 ? "UTF8SMTP" : smtpd_session_protocol(s),
             extended && s->tls ? "S" : "", extended && s->login ? "A" : "");
    return buffer;
}

static void add_from(struct smtpd_session *s, struct strbuf *out)
{
    const struct smtpd_peer *peer = &s->peer;
    record_addf(out, REC_LINE, "Received: from %s (%s [%s%s])", s->helo ? s->helo : peer->name,
                peer->name, peer->family == AF_INET6 ? "IPv6:" : "", peer->address);
}

/* In a comment, whose parentheses have to be pairs (RFC 5322, 3.2.2). */
static void add_login(struct smtpd_session *s, struct strbuf *out)
{
    CLEANUP(strbuf_done) struct strbuf name = STRBUF_ANY;
    size_t depth = 0;
    if (!s->login || !smtpd_params.smtpd_sasl_authenticated_header)
        return;
    for (const char *c = s->login; *c; c++) {
        bool bad = *c == '\\' || (*c == ')' && depth == 0);
        if (*c == '(')
            depth++;
        else if (*c == ')' && depth > 0)
            depth--;
        strbuf_add_char(&name, bad ? '?' : *c);
    }
    strbuf_add_fill(&name, ')', depth);
    record_addf(out, REC_LINE, "\t(Authenticated sender: %s)", name.s);
}

/* One recipient is named; of several none, as they need not know of each other. */
static void add_recipient_and_date(struct smtpd_session *s, struct strbuf *out)
{
    CLEANUP(strbuf_done) struct strbuf line = STRBUF_ANY;
    if (s->tx->recipient_count == 1) {
        strbuf_add_str(&line, "\tfor <");
        address_to_external(slice_of(s->tx->accepted), &line);
        strbuf_add_str(&line, ">; ");
    } else {
        strbuf_add_str(&line, "\t");
    }
    clock_format_mail_date(s->tx->arrival.tv_sec, &line);
    record_add(out, REC_LINE, strbuf_slice(&line));
}

void smtpd_received_add(struct smtpd_session *s, struct strbuf *out)
{
    if (s->held)
        add_prepended(&s->held->actions, out);
    add_prepended(&s->tx->actions, out);
    const char *end = s->tx->recipient_count == 1 ? "" : ";", *id = s->tx->queue_id;
    const char *word = id[0] ? " id " : ""; /* a before-queue filter gets the message without */
    if (smtpd_params.smtpd_hide_client_session) {
        record_addf(out, REC_LINE, "Received: by %s (%s)%s%s%s", common_params.myhostname,
                    common_params.mail_name, word, id, end);
    } else {
        char protocol[sizeof "UTF8SMTPSA"];
        add_from(s, out);
        smtpd_tls_add_received(s, out);
        add_login(s, out);
        record_addf(out, REC_LINE, "\tby %s (%s) with %s%s%s%s", common_params.myhostname,
                    common_params.mail_name, protocol_of(s, protocol, sizeof protocol), word, id,
                    end);
    }
    add_recipient_and_date(s, out);
}
