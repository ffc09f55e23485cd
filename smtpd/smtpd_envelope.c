/* What smtpd tells about a message besides its content, as records (docs/protocol/queue_file.md).
 */
#include "base/text.h"
#include "config/common_params.h"
#include "mail/address.h"
#include "mail/record.h"
#include "smtpd/smtpd_eval.h"
#include "smtpd/smtpd_server.h"
#include "smtpd/smtpd_session.h"
#include "smtpd/smtpd_sink.h"
#include "smtpd/smtpd_tx.h"
#include "smtpd/smtpd_xforward.h"

#include <string.h>

static void add_number(struct strbuf *out, const char *name, long long number)
{
    record_addf(out, REC_ATTRIBUTE, "%s=%lld", name, number);
}

static void add_port(struct strbuf *out, const char *name, uint16_t port)
{
    if (port)
        add_number(out, name, port);
    else
        record_add_attribute(out, name, "unknown");
}

/* Who stands in the logs of later programs. */
static void add_logged_client(struct smtpd_session *s, struct strbuf *out)
{
    const struct smtpd_peer *peer = &s->peer;
    if (s->xforward) {
        smtpd_xforward_records(s->xforward, out);
        return;
    }
    record_add_attribute(out, "log_client_name", peer->name);
    record_add_attribute(out, "log_client_address", peer->address);
    add_port(out, "log_client_port", peer->port);
    record_add_attribute(out, "log_message_origin", peer->namaddr);
    if (s->helo)
        record_add_attribute(out, "log_helo_name", s->helo);
    record_add_attribute(out, "log_protocol_name", smtpd_session_protocol(s));
}

static void add_client(struct smtpd_session *s, struct strbuf *out)
{
    const struct smtpd_peer *peer = &s->peer;
    const char *protocol = smtpd_session_protocol(s);
    add_logged_client(s, out);
    record_add_attribute(out, "client_name", peer->name);
    record_add_attribute(out, "reverse_client_name", peer->reverse_name);
    record_add_attribute(out, "client_address", peer->address);
    add_port(out, "client_port", peer->port);
    record_add_attribute(out, "server_address", peer->server_address);
    add_port(out, "server_port", peer->server_port);
    if (s->helo)
        record_add_attribute(out, "helo_name", s->helo);
    record_add_attribute(out, "protocol_name", protocol);
    add_number(out, "client_address_type", peer->family);
}

/* postdrop takes less on trust: only what a user may say of his own mail. */
void smtpd_envelope_sender(struct smtpd_session *s, struct strbuf *out)
{
    const struct smtpd_tx *tx = s->tx;
    bool local = smtpd_sink_is_postdrop(tx->sink);
    if (!local) {
        record_addf(out, REC_TIME, "%lld %ld", (long long)tx->arrival.tv_sec,
                    (long)tx->arrival.tv_usec);
        if (common_params.content_filter[0])
            record_add(out, REC_FILTER, slice_of(common_params.content_filter));
        const char *ident = smtpd_xforward_ident(s->xforward);
        const char *context = smtpd_xforward_context(s->xforward);
        if (!context)
            context = s->flags & SMTPD_SESSION_LOCAL_HEADERS ? "local" : "remote";
        record_add_attribute(out, "log_ident", ident ? ident : tx->queue_id);
        record_add_attribute(out, "rewrite_context", context);
    }
    if (s->login && !local) {
        record_add_attribute(out, "sasl_method", s->login_method);
        record_add_attribute(out, "sasl_username", s->login);
    }
    if (tx->auth_sender && tx->auth_sender[0] && !local)
        record_add_attribute(out, "sasl_sender", tx->auth_sender);
    if (tx->dsn_envid)
        record_add_attribute(out, "envelope_id", tx->dsn_envid);
    if (tx->dsn_ret)
        add_number(out, "ret_flags", tx->dsn_ret);
    if (tx->verp)
        record_add(out, REC_VERP, slice_of(tx->verp));
    record_add(out, REC_SENDER, slice_of(tx->sender));
    if (tx->encoding)
        record_add_attribute(out, "encoding", tx->encoding);
    if (!local)
        add_client(s, out);
}

/* Without ORCPT what the client named, as it wrote it. */
static void add_original_recipient(const struct smtpd_tx *tx, struct strbuf *out)
{
    CLEANUP(strbuf_done) struct strbuf named = STRBUF_ANY;
    if (!tx->dsn_orcpt) {
        strbuf_add_str(&named, "rfc822;");
        text_add_printable(&named, slice_of(tx->recipient_as_written));
    }
    record_add_attribute(out, "dsn_orig_rcpt", tx->dsn_orcpt ? tx->dsn_orcpt : named.s);
}

void smtpd_envelope_recipient(struct smtpd_session *s, struct strbuf *out)
{
    const struct smtpd_tx *tx = s->tx;
    if (tx->dsn_notify)
        add_number(out, "notify_flags", tx->dsn_notify);
    add_original_recipient(tx, out);
    record_add(out, REC_RECIPIENT, slice_of(tx->recipient));
}

static void add_actions(const struct smtpd_actions *a, struct strbuf *out)
{
    int flags = (a->hold ? CLEANUP_FLAG_HOLD : 0) | (a->discard ? CLEANUP_FLAG_DISCARD : 0);
    if (a->filter)
        record_add(out, REC_FILTER, slice_of(a->filter));
    if (a->redirect)
        record_add(out, REC_REDIRECT, slice_of(a->redirect));
    if (a->bcc)
        record_add(out, REC_RECIPIENT, slice_of(a->bcc));
    if (flags)
        record_addf(out, REC_FLAGS, "%d", flags);
}

void smtpd_envelope_extracted(struct smtpd_session *s, struct strbuf *out)
{
    record_add(out, REC_EXTRACTED, SLICE_EMPTY);
    if (smtpd_sink_is_postdrop(s->tx->sink))
        return;
    if (s->held)
        add_actions(&s->held->actions, out);
    add_actions(&s->tx->actions, out);
}
