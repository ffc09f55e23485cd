/* The life of a transaction. */
#include "smtpd/smtpd_tx.h"

#include "base/clock.h"
#include "config/common_params.h"
#include "smtpd/smtpd_eval.h"
#include "smtpd/smtpd_milter.h"
#include "smtpd/smtpd_policy.h"
#include "smtpd/smtpd_dns.h"
#include "smtpd/smtpd_session.h"
#include "smtpd/smtpd_sink.h"
#include "smtpd/smtpd_xforward.h"

struct smtpd_tx *smtpd_tx_new(const char *sender)
{
    struct arena *arena = arena_new("smtpd_tx");
    struct smtpd_tx *tx = arena_zalloc(arena, sizeof *tx);
    tx->arena = arena;
    tx->sender = arena_strdup(arena, sender);
    tx->queue_id = "";
    tx->instance = "";
    clock_wall(&tx->arrival);
    strbuf_init(&tx->partial, (size_t)common_params.line_length_limit + 2);
    return tx;
}

void smtpd_tx_free(struct smtpd_tx *tx)
{
    if (!tx)
        return;
    smtpd_tx_free(tx->suspended); /* one level: VRFY within a transaction */
    smtpd_sink_free(tx->sink);
    strbuf_done(&tx->partial);
    arena_free(tx->arena);
}

void smtpd_tx_reset(struct smtpd_session *s)
{
    if (s->tx)
        smtpd_milter_abort(s, 1);
    smtpd_tx_drop(s);
}

void smtpd_tx_drop(struct smtpd_session *s)
{
    smtpd_tx_free(s->tx);
    s->tx = NULL;
    smtpd_policy_release(s);
    smtpd_xforward_free(s->xforward);
    s->xforward = NULL;
    smtpd_dns_free(s->dns);
    s->dns = NULL;
    s->phase = SMTPD_PHASE_START;
}
