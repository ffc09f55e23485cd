/* The values of macros, as far as the SMTP server knows them. */
#include "config/common_params.h"
#include "esmtp/esmtp_reply.h"
#include "milter/milter_params.h"
#include "smtpd/smtpd_milter.h"
#include "smtpd/smtpd_server.h"
#include "smtpd/smtpd_session.h"
#include "smtpd/smtpd_tx.h"
#include "tls/tls_session.h"

#include <string.h>

typedef const char *(*value_fn)(const struct smtpd_session *s, struct strbuf *value);

static const char *text_or_none(const char *text)
{
    return text && text[0] ? text : NULL;
}

static const char *number(struct strbuf *value, long long n)
{
    strbuf_setf(value, "%lld", n);
    return value->s;
}

static const char *queue_id(const struct smtpd_session *s, struct strbuf *value)
{
    (void)value;
    return s->tx ? text_or_none(s->tx->queue_id) : NULL;
}

static const char *my_host(const struct smtpd_session *s, struct strbuf *value)
{
    (void)s;
    (void)value;
    return common_params.myhostname;
}

static const char *version(const struct smtpd_session *s, struct strbuf *value)
{
    (void)s;
    (void)value;
    return milter_params.milter_macro_v;
}

static const char *daemon_name(const struct smtpd_session *s, struct strbuf *value)
{
    (void)s;
    (void)value;
    return milter_params.milter_macro_daemon_name;
}

static const char *daemon_addr(const struct smtpd_session *s, struct strbuf *value)
{
    (void)value;
    return text_or_none(s->peer.server_address);
}

static const char *daemon_port(const struct smtpd_session *s, struct strbuf *value)
{
    return number(value, s->peer.server_port);
}

/* As sendmail writes it: the name that the address has, and whether that name has the address. */
static const char *client(const struct smtpd_session *s, struct strbuf *value)
{
    const struct smtpd_peer *peer = &s->peer;
    strbuf_setf(value, "%s [%s]", peer->reverse_name, peer->address);
    if (strcmp(peer->name, peer->reverse_name) != 0)
        strbuf_add_str(value, " (may be forged)");
    return value->s;
}

static const char *client_addr(const struct smtpd_session *s, struct strbuf *value)
{
    (void)value;
    return s->peer.address;
}

static const char *client_name(const struct smtpd_session *s, struct strbuf *value)
{
    (void)value;
    return s->peer.name;
}

static const char *client_port(const struct smtpd_session *s, struct strbuf *value)
{
    return number(value, s->peer.port);
}

static const char *client_ptr(const struct smtpd_session *s, struct strbuf *value)
{
    (void)value;
    return s->peer.reverse_name;
}

static const char *client_connections(const struct smtpd_session *s, struct strbuf *value)
{
    return number(value, s->connections);
}

static const char *tls_version(const struct smtpd_session *s, struct strbuf *value)
{
    (void)value;
    return s->tls ? s->tls->protocol : NULL;
}

static const char *tls_cipher(const struct smtpd_session *s, struct strbuf *value)
{
    (void)value;
    return s->tls ? s->tls->cipher : NULL;
}

static const char *tls_cipher_bits(const struct smtpd_session *s, struct strbuf *value)
{
    return s->tls ? number(value, s->tls->used_bits) : NULL;
}

/* Names in a certificate that nobody vouches for are anybody's. */
static const char *cert_subject(const struct smtpd_session *s, struct strbuf *value)
{
    (void)value;
    return s->tls && s->tls->is_trusted ? text_or_none(s->tls->subject_cn) : NULL;
}

static const char *cert_issuer(const struct smtpd_session *s, struct strbuf *value)
{
    (void)value;
    return s->tls && s->tls->is_trusted ? text_or_none(s->tls->issuer_cn) : NULL;
}

static const char *auth_type(const struct smtpd_session *s, struct strbuf *value)
{
    (void)value;
    return s->login_method;
}

static const char *auth_authen(const struct smtpd_session *s, struct strbuf *value)
{
    (void)value;
    return s->login;
}

static const char *auth_author(const struct smtpd_session *s, struct strbuf *value)
{
    (void)value;
    return s->tx ? s->tx->auth_sender : NULL;
}

/* ---- addresses, and where mail to them goes ---- */

static bool resolve(const struct smtpd_session *s, const char *address, bool of_transport,
                    struct strbuf *value)
{
    struct smtpd_server *server = s->server;
    struct err err = ERR_INIT;
    struct resolve_reply reply;
    CLEANUP(arena_free_ptr) struct arena *arena = arena_new("smtpd_milter_macros");
    CLEANUP(strbuf_done) struct strbuf full = STRBUF_ANY;
    if (!server->resolver)
        return false;
    /* the null sender goes the way of who speaks for the system */
    rewrite_address(&server->rewrite, REWRITE_LOCAL,
                    slice_of(address[0] ? address : "MAILER-DAEMON"), &full);
    if (!resolve_address(server->resolver, RESOLVE_DELIVER, s->tx->sender, full.s, arena, &reply,
                         &err))
        return false;
    strbuf_set(value, of_transport ? reply.transport : reply.nexthop);
    return true;
}

static const char *mail_addr(const struct smtpd_session *s, struct strbuf *value)
{
    (void)value;
    return s->tx ? s->tx->sender : NULL;
}

static const char *mail_host(const struct smtpd_session *s, struct strbuf *value)
{
    return s->tx && resolve(s, s->tx->sender, false, value) ? value->s : NULL;
}

static const char *mail_mailer(const struct smtpd_session *s, struct strbuf *value)
{
    return s->tx && resolve(s, s->tx->sender, true, value) ? value->s : NULL;
}

/* A refused recipient: the text without its codes, and without the address in front. */
static const char *refusal_text(const char *reply, struct strbuf *value)
{
    struct slice text = slice_from(slice_of(reply), 4);
    size_t dsn = esmtp_reply_dsn_length(text);
    text = slice_trim_left(slice_from(text, dsn));
    if (slice_starts(text, "<")) {
        size_t end = 0;
        while (end + 3 <= text.len && memcmp(text.s + end, ">: ", 3) != 0)
            end++;
        if (end + 3 <= text.len)
            text = slice_from(text, end + 3);
    }
    strbuf_set_slice(value, text);
    return value->s;
}

static const char *rcpt_addr(const struct smtpd_session *s, struct strbuf *value)
{
    if (!s->tx || !s->tx->recipient)
        return NULL;
    return s->tx->refusal ? refusal_text(s->tx->refusal, value) : s->tx->recipient;
}

static const char *rcpt_host(const struct smtpd_session *s, struct strbuf *value)
{
    if (!s->tx || !s->tx->recipient)
        return NULL;
    if (s->tx->refusal) {
        struct slice text = slice_from(slice_of(s->tx->refusal), 4);
        strbuf_set_slice(value, slice_first(text, esmtp_reply_dsn_length(text)));
        return value->s;
    }
    return resolve(s, s->tx->recipient, false, value) ? value->s : NULL;
}

static const char *rcpt_mailer(const struct smtpd_session *s, struct strbuf *value)
{
    if (!s->tx || !s->tx->recipient)
        return NULL;
    if (s->tx->refusal)
        return "error";
    return resolve(s, s->tx->recipient, true, value) ? value->s : NULL;
}

static const struct {
    const char *name;
    value_fn value;
} macros[] = {
    {"i", queue_id},
    {"j", my_host},
    {"v", version},
    {"_", client},
    {"{daemon_name}", daemon_name},
    {"{daemon_addr}", daemon_addr},
    {"{daemon_port}", daemon_port},
    {"{client_addr}", client_addr},
    {"{client_name}", client_name},
    {"{client_port}", client_port},
    {"{client_ptr}", client_ptr},
    {"{client_connections}", client_connections},
    {"{tls_version}", tls_version},
    {"{cipher}", tls_cipher},
    {"{cipher_bits}", tls_cipher_bits},
    {"{cert_subject}", cert_subject},
    {"{cert_issuer}", cert_issuer},
    {"{auth_type}", auth_type},
    {"{auth_authen}", auth_authen},
    {"{auth_author}", auth_author},
    {"{mail_addr}", mail_addr},
    {"{mail_host}", mail_host},
    {"{mail_mailer}", mail_mailer},
    {"{rcpt_addr}", rcpt_addr},
    {"{rcpt_host}", rcpt_host},
    {"{rcpt_mailer}", rcpt_mailer},
};

const char *smtpd_milter_macro(void *ctx, struct slice name, struct strbuf *value)
{
    for (size_t i = 0; i < COUNT_OF(macros); i++)
        if (slice_eq(name, macros[i].name))
            return macros[i].value(ctx, value);
    return NULL;
}
