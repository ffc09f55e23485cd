/* check_policy_service: the attributes of a request, and what comes of the answer. */
#include "base/text.h"
#include "config/common_params.h"
#include "smtpd/smtpd_access.h"
#include "smtpd/smtpd_policy.h"
#include "smtpd/smtpd_policy_settings.h"
#include "smtpd/smtpd_reject.h"
#include "smtpd/smtpd_server.h"
#include "smtpd/smtpd_session.h"
#include "tls/tls_session.h"

#include <string.h>

/* A value ends at its line end; what could end it earlier is left out. */
static void add_text(struct strbuf *out, const char *name, const char *value)
{
    strbuf_addf(out, "%s=", name);
    for (const char *p = value ? value : ""; *p; p++)
        if (*p != '\n')
            strbuf_add_char(out, *p);
    strbuf_add_char(out, '\n');
}

static void add_xtext(struct strbuf *out, const char *name, const char *value)
{
    strbuf_addf(out, "%s=", name);
    text_xtext_encode(slice_of(value), out);
    strbuf_add_char(out, '\n');
}

static void add_number(struct strbuf *out, const char *name, long long value)
{
    strbuf_addf(out, "%s=%lld\n", name, value);
}

static void add_peer(struct strbuf *out, const struct smtpd_session *s)
{
    add_text(out, "client_address", s->peer.address);
    add_text(out, "client_name", s->peer.name);
    add_number(out, "client_port", s->peer.port);
    add_text(out, "reverse_client_name", s->peer.reverse_name);
    add_text(out, "server_address", s->peer.server_address);
    add_number(out, "server_port", s->peer.server_port);
    add_text(out, "helo_name", s->helo);
}

/* VRFY borrows a transaction for its address: the message under way is the suspended one. */
static const struct smtpd_tx *message_of(const struct smtpd_eval *e)
{
    const struct smtpd_tx *tx = e->s->tx;
    return e->stage == SMTPD_STAGE_VRFY ? tx->suspended : tx;
}

static void add_message(struct strbuf *out, const struct smtpd_eval *e)
{
    static const struct smtpd_tx none = {.queue_id = "", .instance = ""};
    const struct smtpd_tx *tx = message_of(e);
    if (!tx)
        tx = &none;
    bool counts = e->stage == SMTPD_STAGE_DATA || e->stage == SMTPD_STAGE_END_OF_DATA;
    bool is_whole = e->stage == SMTPD_STAGE_END_OF_DATA;
    add_text(out, "sender", tx->sender);
    add_text(out, "recipient", smtpd_eval_recipient_address(e));
    add_number(out, "recipient_count", counts ? (long long)tx->recipient_count : 0);
    add_text(out, "queue_id", tx->queue_id);
    add_text(out, "instance", tx->instance);
    add_number(out, "size", is_whole ? tx->content_size : tx->announced_size);
    add_text(out, "etrn_domain", e->etrn_domain);
}

static void add_sasl(struct strbuf *out, const struct smtpd_eval *e)
{
    const struct smtpd_tx *tx = message_of(e);
    add_text(out, "sasl_method", e->s->login_method);
    add_text(out, "sasl_username", e->s->login);
    add_text(out, "sasl_sender", tx ? tx->auth_sender : NULL);
}

static void add_tls(struct strbuf *out, const struct tls_info *tls)
{
    static const struct tls_info none;
    if (!tls)
        tls = &none;
    add_xtext(out, "ccert_subject", tls->is_trusted ? tls->subject_cn : "");
    add_xtext(out, "ccert_issuer", tls->is_trusted ? tls->issuer_cn : "");
    add_text(out, "ccert_fingerprint", tls->fingerprint);
    add_text(out, "ccert_pubkey_fingerprint", tls->key_fingerprint);
    add_text(out, "encryption_protocol", tls->protocol);
    add_text(out, "encryption_cipher", tls->cipher);
    add_number(out, "encryption_keysize", tls->used_bits);
}

static void add_attributes(struct strbuf *out, const struct smtpd_eval *e,
                           const struct smtpd_policy *policy)
{
    const struct smtpd_session *s = e->s;
    add_text(out, "request", "smtpd_access_policy");
    add_text(out, "protocol_state", smtpd_stage_name(s, e->stage));
    add_text(out, "protocol_name", smtpd_session_protocol(s));
    add_peer(out, s);
    add_message(out, e);
    add_text(out, "stress", s->server->stress);
    add_sasl(out, e);
    add_tls(out, s->tls);
    add_text(out, "policy_context", smtpd_policy_get_settings(policy)->context);
    add_text(out, "compatibility_level", common_params.compatibility_level);
    add_text(out, "mail_version", common_params.mail_version);
}

static void on_answer(void *owner, const char *action)
{
    struct smtpd_eval *e = owner;
    struct smtpd_session *s = e->s;
    const struct smtpd_rule *rule = e->policy_rule;
    e->policy_call = NULL;
    if (!message_of(e))
        smtpd_policy_release(s);
    if (!action)
        action = smtpd_policy_get_settings(rule->policy)->default_action;
    smtpd_eval_resume(e, smtpd_access_apply_policy(e, rule->argument, action));
}

SMTPD_RULE(smtpd_check_policy_service)
{
    CLEANUP(strbuf_done) struct strbuf request = STRBUF_ANY;
    add_attributes(&request, e, rule->policy);
    e->policy_rule = rule;
    e->policy_call = smtpd_policy_ask(rule->policy, e->s, strbuf_slice(&request), on_answer, e);
    return SMTPD_VERDICT_PENDING;
}
