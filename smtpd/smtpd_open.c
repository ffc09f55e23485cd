#include "smtpd/smtpd_open.h"

#include "smtpd/smtpd_cmd.h"
#include "smtpd/smtpd_proxy.h"
#include "smtpd/smtpd_server.h"
#include "smtpd/smtpd_session.h"
#include "smtpd/smtpd_sink.h"
#include "smtpd/smtpd_tx.h"
#include "smtpd/smtpd_xforward.h"

static void log_client(struct smtpd_session *s)
{
    CLEANUP(strbuf_done) struct strbuf more = STRBUF_ANY;
    if (s->login)
        strbuf_addf(&more, ", sasl_method=%s, sasl_username=%s", s->login_method, s->login);
    if (s->tx->auth_sender)
        strbuf_addf(&more, ", sasl_sender=%s", s->tx->auth_sender);
    if (s->xforward && s->tx->queue_id[0])
        smtpd_xforward_log(s->xforward, &more);
    log_info(smtpd_session_tag(s), "client=%s%s", s->peer.namaddr, more.s);
}

/* What is to be done next, once. */
static smtpd_next_fn take_next(struct smtpd_tx *tx)
{
    smtpd_next_fn next = tx->when_open;
    tx->when_open = NULL;
    return next;
}

static struct reply refuse(struct smtpd_session *s, const struct reply *refusal)
{
    struct reply kept = *refusal;
    kept.text = smtpd_session_keep(s, refusal->text); /* the filter's own words go with it */
    smtpd_sink_free(s->tx->sink);
    s->tx->sink = NULL;
    return take_next(s->tx)(s, &kept);
}

static void on_opened(struct smtpd_session *s, const char *queue_id)
{
    struct smtpd_tx *tx = s->tx;
    tx->queue_id = arena_strdup(tx->arena, queue_id);
    log_client(s);
    smtpd_envelope_sender(s, smtpd_sink_buffer(tx->sink));
    smtpd_session_answer(s, take_next(tx)(s, NULL));
}

static void on_done(struct smtpd_session *s, const struct cleanup_done *done)
{
    if (!s->tx->when_open) {
        smtpd_sink_done(s, done);
        return;
    }
    struct reply refusal = reply_text(smtpd_sink_refusal(s, done));
    smtpd_session_answer(s, refuse(s, &refusal));
}

static const struct smtpd_sink_events sink_events = {on_opened, on_done};

static struct reply filter_opened(struct smtpd_session *s, const struct reply *refusal)
{
    if (refusal)
        return refuse(s, refusal);
    log_client(s);
    return take_next(s->tx)(s, NULL);
}

struct reply smtpd_open(struct smtpd_session *s, smtpd_next_fn next)
{
    struct smtpd_tx *tx = s->tx;
    tx->when_open = next;
    if (s->server->proxy && !(s->flags & SMTPD_SESSION_STDIN)) {
        tx->sink = smtpd_sink_open_proxy(s);
        return smtpd_proxy_mail(s, filter_opened);
    }
    tx->sink = smtpd_sink_open(s, &sink_events);
    if (tx->sink)
        return reply_pending();
    struct reply refusal = reply_text("451 4.3.0 Error: queue file write error");
    return refuse(s, &refusal);
}
