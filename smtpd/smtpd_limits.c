/* Limits per client. When anvil does not answer, there are none. */
#include "smtpd/smtpd_limits.h"

#include "config/common_params.h"
#include "smtpd/smtpd_params.h"
#include "smtpd/smtpd_server.h"
#include "smtpd/smtpd_session.h"

#include <arpa/inet.h>
#include <string.h>

static void clear_host_bits(unsigned char *bytes, size_t count, int prefix)
{
    for (size_t i = 0; i < count; i++) {
        int bits = prefix - (int)i * 8;
        if (bits <= 0)
            bytes[i] = 0;
        else if (bits < 8)
            bytes[i] &= (unsigned char)(0xff << (8 - bits));
    }
}

void smtpd_limit_key(const char *address, int prefix4, int prefix6, struct strbuf *out)
{
    unsigned char bytes[16];
    char text[INET6_ADDRSTRLEN];
    bool is_v6 = strchr(address, ':') != NULL;
    int prefix = is_v6 ? prefix6 : prefix4, family = is_v6 ? AF_INET6 : AF_INET;
    size_t size = is_v6 ? 16 : 4;
    if (prefix >= (int)size * 8 || inet_pton(family, address, bytes) != 1) {
        strbuf_set(out, address);
        return;
    }
    clear_host_bits(bytes, size, prefix);
    if (inet_ntop(family, bytes, text, sizeof text))
        strbuf_setf(out, "%s/%d", text, prefix);
}

static void session_key(const struct smtpd_session *s, struct strbuf *out)
{
    smtpd_limit_key(s->peer.address, (int)smtpd_params.smtpd_client_ipv4_prefix_length,
                    (int)smtpd_params.smtpd_client_ipv6_prefix_length, out);
}

void smtpd_limit_prepare(struct smtpd_session *s)
{
    struct err err = ERR_INIT;
    bool any = smtpd_params.smtpd_client_connection_count_limit ||
               smtpd_params.smtpd_client_connection_rate_limit ||
               smtpd_params.smtpd_client_message_rate_limit ||
               smtpd_params.smtpd_client_recipient_rate_limit ||
               smtpd_params.smtpd_client_new_tls_session_rate_limit ||
               smtpd_params.smtpd_client_auth_rate_limit;
    if (!any || !s->server->anvil || !s->peer.address[0])
        return;
    if (smtpd_server_list_has(s->server->xclient_hosts, s))
        return; /* it speaks for others, who have limits of their own */
    enum map_status status =
        match_list_find_host(s->server->limit_exceptions, s->peer.name, s->peer.address, &err);
    if (status == MAP_FAILED && !err.is_repeated)
        log_warn(NULL, "%s", err.reason);
    if (status != MAP_FOUND)
        s->flags |= SMTPD_SESSION_LIMITED;
}

static bool is_over(int64_t count, int64_t limit)
{
    return limit > 0 && count > limit;
}

static void log_limit(struct smtpd_session *s, const char *what, int64_t count)
{
    log_warn(NULL, "%s limit exceeded: %lld from %s for service %s", what, (long long)count,
             s->peer.namaddr, s->server->service);
}

static bool refuse_connection(struct smtpd_session *s, const struct anvil_counts *c)
{
    s->flags |= SMTPD_SESSION_COUNTED;
    if (is_over(c->count, smtpd_params.smtpd_client_connection_count_limit))
        log_limit(s, "Connection concurrency", c->count);
    else if (is_over(c->rate, smtpd_params.smtpd_client_connection_rate_limit))
        log_limit(s, "Connection rate", c->rate);
    else
        return false;
    return true;
}

static bool refuse_mail(struct smtpd_session *s, const struct anvil_counts *c)
{
    if (!is_over(c->rate, smtpd_params.smtpd_client_message_rate_limit))
        return false;
    log_limit(s, "Message delivery request rate", c->rate);
    return true;
}

static bool refuse_rcpt(struct smtpd_session *s, const struct anvil_counts *c)
{
    if (!is_over(c->rate, smtpd_params.smtpd_client_recipient_rate_limit))
        return false;
    log_limit(s, "Recipient address rate", c->rate);
    return true;
}

static bool refuse_auth(struct smtpd_session *s, const struct anvil_counts *c)
{
    if (!is_over(c->rate, smtpd_params.smtpd_client_auth_rate_limit))
        return false;
    log_limit(s, "AUTH command rate", c->rate);
    return true;
}

static void answer(struct smtpd_session *s, const char *text)
{
    smtpd_next_fn next = s->next;
    s->next = NULL;
    struct reply refusal = {.text = text};
    smtpd_session_answer(s, next(s, text ? &refusal : NULL));
}

static bool usable(struct smtpd_session *s, const struct anvil_counts *counts,
                   const struct err *err)
{
    s->anvil_call = NULL;
    if (!counts)
        log_warn(NULL, "cannot count clients: %s", err->reason);
    return counts != NULL;
}

static void on_connect(void *owner, const struct anvil_counts *counts, const struct err *err)
{
    struct smtpd_session *s = owner;
    const char *text = NULL;
    s->connections = counts ? (uint32_t)counts->count : 0;
    if (usable(s, counts, err) && refuse_connection(s, counts))
        text = smtpd_session_text(s, "421 4.7.0 %s Error: too many connections from %s",
                                  common_params.myhostname, s->peer.address);
    answer(s, text);
}

static void on_mail(void *owner, const struct anvil_counts *counts, const struct err *err)
{
    struct smtpd_session *s = owner;
    const char *text = NULL;
    if (usable(s, counts, err) && refuse_mail(s, counts))
        text = smtpd_session_text(s, "450 4.7.1 Error: too much mail from %s", s->peer.address);
    answer(s, text);
}

static void on_rcpt(void *owner, const struct anvil_counts *counts, const struct err *err)
{
    struct smtpd_session *s = owner;
    const char *text = NULL;
    if (usable(s, counts, err) && refuse_rcpt(s, counts))
        text =
            smtpd_session_text(s, "450 4.7.1 Error: too many recipients from %s", s->peer.address);
    answer(s, text);
}

static bool refuse_tls(struct smtpd_session *s, const struct anvil_counts *c)
{
    if (!is_over(c->rate, smtpd_params.smtpd_client_new_tls_session_rate_limit))
        return false;
    log_limit(s, "New TLS session rate", c->rate);
    return true;
}

static void on_starttls(void *owner, const struct anvil_counts *counts, const struct err *err)
{
    struct smtpd_session *s = owner;
    const char *text = NULL;
    if (usable(s, counts, err) && refuse_tls(s, counts))
        text = smtpd_session_text(s, "454 4.7.0 Error: too many new TLS sessions from %s",
                                  s->peer.namaddr);
    answer(s, text);
}

/* Nobody waits for it. */
static void on_tls_counted(void *owner, const struct anvil_counts *counts, const struct err *err)
{
    (void)owner;
    (void)counts;
    (void)err;
}

static void on_auth(void *owner, const struct anvil_counts *counts, const struct err *err)
{
    struct smtpd_session *s = owner;
    const char *text = NULL;
    if (usable(s, counts, err) && refuse_auth(s, counts))
        text = smtpd_session_text(s, "450 4.7.1 Error: too many AUTH commands from %s",
                                  s->peer.address);
    answer(s, text);
}

static struct reply ask(struct smtpd_session *s, enum anvil_kind kind, anvil_fn fn, bool is_needed,
                        smtpd_next_fn next)
{
    if (!(s->flags & SMTPD_SESSION_LIMITED) || !is_needed)
        return next(s, NULL);
    CLEANUP(strbuf_done) struct strbuf key = STRBUF_ANY;
    session_key(s, &key);
    s->next = next;
    s->anvil_call = anvil_ask(s->server->anvil, kind, s->server->service, key.s, fn, s);
    return reply_pending();
}

struct reply smtpd_limit_connect(struct smtpd_session *s, smtpd_next_fn next)
{
    bool needed = smtpd_params.smtpd_client_connection_count_limit ||
                  smtpd_params.smtpd_client_connection_rate_limit;
    return ask(s, ANVIL_CONNECT, on_connect, needed, next);
}

struct reply smtpd_limit_mail(struct smtpd_session *s, smtpd_next_fn next)
{
    return ask(s, ANVIL_MAIL, on_mail, smtpd_params.smtpd_client_message_rate_limit, next);
}

struct reply smtpd_limit_rcpt(struct smtpd_session *s, smtpd_next_fn next)
{
    return ask(s, ANVIL_RCPT, on_rcpt, smtpd_params.smtpd_client_recipient_rate_limit, next);
}

struct reply smtpd_limit_starttls(struct smtpd_session *s, smtpd_next_fn next)
{
    return ask(s, ANVIL_NEWTLS_STATUS, on_starttls,
               smtpd_params.smtpd_client_new_tls_session_rate_limit, next);
}

void smtpd_limit_count_tls(struct smtpd_session *s)
{
    if (!(s->flags & SMTPD_SESSION_LIMITED) ||
        !smtpd_params.smtpd_client_new_tls_session_rate_limit)
        return;
    CLEANUP(strbuf_done) struct strbuf key = STRBUF_ANY;
    session_key(s, &key);
    anvil_ask(s->server->anvil, ANVIL_NEWTLS, s->server->service, key.s, on_tls_counted, NULL);
}

struct reply smtpd_limit_auth(struct smtpd_session *s, smtpd_next_fn next)
{
    return ask(s, ANVIL_AUTH, on_auth, smtpd_params.smtpd_client_auth_rate_limit, next);
}

void smtpd_limit_disconnect(struct smtpd_session *s)
{
    /* a question on its way has been counted, or will be before this message is read */
    if (!(s->flags & SMTPD_SESSION_COUNTED) && !s->anvil_call)
        return;
    CLEANUP(strbuf_done) struct strbuf key = STRBUF_ANY;
    session_key(s, &key);
    anvil_tell_disconnect(s->server->anvil, s->server->service, key.s);
    s->flags &= ~(unsigned)SMTPD_SESSION_COUNTED;
}
