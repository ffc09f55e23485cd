#include "tls/tls_trace.h"

#include "base/clock.h"
#include "tls/tls_context.h"
#include "tls/tls_params.h"
#include "tls/tls_session_private.h"

#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <string.h>

enum { PER_LINE = 16, PER_GROUP = 8 };

static void add_line(struct slice line, size_t at, struct strbuf *out)
{
    strbuf_addf(out, "%04zx ", at);
    for (size_t i = 0; i < PER_LINE; i++)
        if (i < line.len)
            strbuf_addf(out, "%02x%c", (unsigned char)line.s[i],
                        i + 1 == PER_GROUP && line.len > PER_GROUP ? '|' : ' ');
        else
            strbuf_add_str(out, "   ");
    strbuf_add_char(out, ' ');
    for (size_t i = 0; i < line.len; i++) {
        if (i == PER_GROUP)
            strbuf_add_char(out, ' ');
        strbuf_add_char(out, line.s[i] >= ' ' && line.s[i] < 127 ? line.s[i] : '.');
    }
    strbuf_add_char(out, '\n');
}

void tls_trace_dump(struct slice data, struct strbuf *out)
{
    size_t shown = data.len;
    while (shown > 0 && (data.s[shown - 1] == ' ' || data.s[shown - 1] == 0))
        shown--;
    for (size_t at = 0; at < shown; at += PER_LINE)
        add_line(slice_first(slice_from(data, at), MIN(shown - at, (size_t)PER_LINE)), at, out);
    if (shown < data.len)
        strbuf_addf(out, "%04zx - <SPACES/NULLS>\n", shown);
}

int tls_trace_level(const char *name, const char *text, struct strbuf *problems)
{
    static const struct {
        const char *word;
        int level;
    } words[] = {
        {"0", 0},
        {"none", 0},
        {"1", 1},
        {"routine", 1},
        {"summary", 1},
        {"untrusted", 1},
        {"2", 2},
        {"debug", 2},
        {"verbose", 2},
        {"cache", 2},
        {"peercert", 2},
        {"certmatch", 2},
        {"ssl-debug", 2},
        {"3", 3},
        {"ssl-expert", 3},
        {"ssl-handshake-packet-dump", 3},
        {"4", 4},
        {"5", 4},
        {"6", 4},
        {"7", 4},
        {"8", 4},
        {"9", 4},
        {"ssl-developer", 4},
        {"ssl-session-packet-dump", 4},
    };
    struct slice rest = slice_of(text), item;
    int level = 0;
    while (slice_next_token(&rest, " \t\r\n,|", &item)) {
        size_t i = 0;
        while (i < COUNT_OF(words) && !slice_eq_nocase(item, words[i].word))
            i++;
        if (i < COUNT_OF(words))
            level = MAX(level, words[i].level);
        else
            strbuf_addf(problems, "unknown %s value \"%.*s\" in \"%s\"\n", name, SLICE_ARG(item),
                        text);
    }
    return level;
}

/* --- bytes on the wire ---------------------------------------------------------------------- */

static void dump(struct tls_session *t, struct slice data)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    struct slice shown = data, line, rest;
    if (t->trace_left > 0)
        shown = slice_first(data, (size_t)MIN((int64_t)data.len, t->trace_left));
    if (t->trace_left < 0)
        return;
    tls_trace_dump(shown, &text);
    rest = strbuf_slice(&text);
    while (slice_next_line(&rest, &line))
        tls_session_note(t, 3, "%.*s", SLICE_ARG(line));
    if (t->trace_left > 0 && (t->trace_left -= (int64_t)data.len) <= 0) {
        t->trace_left = -1;
        tls_session_note(t, 3, "%s: the TLS trace has reached its size limit", t->peer);
    }
}

static long on_bytes(BIO *bio, int operation, const char *data, size_t size, int unused_int,
                     long unused_long, int result, size_t *done)
{
    (void)unused_int;
    (void)unused_long;
    struct tls_session *t = (struct tls_session *)(void *)BIO_get_callback_arg(bio);
    const char *what = operation == (BIO_CB_READ | BIO_CB_RETURN)    ? "read from"
                       : operation == (BIO_CB_WRITE | BIO_CB_RETURN) ? "write to"
                                                                     : NULL;
    if (!what || t->trace_left < 0)
        return result;
    if (result <= 0 || !done) {
        tls_session_note(t, 3, "%s %p [%p] (%zu bytes => %d)", what, (void *)bio,
                         (const void *)data, size, result);
        return result;
    }
    tls_session_note(t, 3, "%s %p [%p] (%zu bytes => %zu (0x%zX))", what, (void *)bio,
                     (const void *)data, size, *done, *done);
    dump(t, (struct slice){data, *done});
    return result;
}

static void trace_bytes(struct tls_session *t, bool on)
{
    BIO *bio = SSL_get_rbio(t->ssl); /* the same for writing */
    BIO_set_callback_arg(bio, (char *)(void *)t);
    BIO_set_callback_ex(bio, on ? on_bytes : NULL);
}

/* --- steps ---------------------------------------------------------------------------------- */

static void on_step(const SSL *ssl, int where, int result)
{
    struct tls_session *t = SSL_get_app_data(ssl);
    const char *state = SSL_state_string_long(ssl);
    if (where & SSL_CB_LOOP)
        tls_session_note(t, 2, "%s:%s", t->context->call, state);
    else if (where & SSL_CB_ALERT)
        tls_session_note(t, 2, "SSL3 alert %s:%s:%s", where & SSL_CB_READ ? "read" : "write",
                         SSL_alert_type_string_long(result), SSL_alert_desc_string_long(result));
    else if ((where & SSL_CB_EXIT) && result == 0)
        tls_session_note(t, 2, "%s:failed in %s", t->context->call, state);
    else if ((where & SSL_CB_EXIT) && result < 0 && SSL_want(ssl) == SSL_NOTHING)
        tls_session_note(t, 2, "%s:error in %s", t->context->call, state);
}

int tls_trace_admit(struct tls_context *c, int level)
{
    enum { UNIT_MS = 1000, WITHOUT_BYTES = 2 };
    int64_t now = clock_now_ms();
    if (level <= WITHOUT_BYTES || tls_params.tls_trace_rate_limit == 0)
        return level;
    if (now - c->traced_from_ms >= UNIT_MS) {
        c->traced_from_ms = now;
        c->traced = 0;
    }
    return c->traced++ < tls_params.tls_trace_rate_limit ? level : WITHOUT_BYTES;
}

void tls_trace_begin(struct tls_session *t)
{
    if (SSL_is_server(t->ssl))
        tls_session_note(t, 2, "setting up TLS connection from %s", t->peer);
    if (t->is_over_rate)
        tls_session_note(t, 2, "%s: more sessions than tls_trace_rate_limit: octets are not logged",
                         t->peer);
    if (t->context->cipher_list)
        tls_session_note(t, 2, "%s: TLS cipher list \"%s\"", t->peer, t->context->cipher_list);
    if (t->loglevel >= 2)
        SSL_set_info_callback(t->ssl, on_step);
    if (t->loglevel >= 3)
        trace_bytes(t, true);
}

void tls_trace_certificate(struct tls_session *t, int ok, X509_STORE_CTX *store)
{
    char name[1024] = "";
    X509 *certificate = X509_STORE_CTX_get_current_cert(store);
    if (t->loglevel < 2)
        return;
    if (certificate)
        X509_NAME_oneline(X509_get_subject_name(certificate), name, sizeof name);
    tls_session_note(t, 2, "%s: depth=%d verify=%d subject=%s", t->peer,
                     X509_STORE_CTX_get_error_depth(store), ok, name);
}

static void tell_names(struct tls_session *t)
{
    char name[1024];
    X509 *peer = SSL_get0_peer_certificate(t->ssl);
    if (!peer || t->loglevel < 2)
        return;
    if (!SSL_is_server(t->ssl)) {
        tls_session_note(
            t, 2, "%s: subject_CN=%s, issuer_CN=%s, fingerprint=%s, pkey_fingerprint=%s", t->peer,
            t->info.subject_cn, t->info.issuer_cn, t->info.fingerprint, t->info.key_fingerprint);
        return;
    }
    X509_NAME_oneline(X509_get_subject_name(peer), name, sizeof name);
    tls_session_note(t, 2, "subject=%s", name);
    X509_NAME_oneline(X509_get_issuer_name(peer), name, sizeof name);
    tls_session_note(t, 2, "issuer=%s", name);
    tls_session_note(t, 2, "%s: subject_CN=%s, issuer=%s, fingerprint=%s, pkey_fingerprint=%s",
                     t->peer, t->info.subject_cn, t->info.issuer_cn, t->info.fingerprint,
                     t->info.key_fingerprint);
}

void tls_trace_end(struct tls_session *t)
{
    if (t->loglevel == 3)
        trace_bytes(t, false);
    if (t->info.is_resumed)
        tls_session_note(t, 2, "%s: Reusing old session%s", t->peer,
                         t->used_ticket ? " (RFC 5077 session ticket)" : "");
    tell_names(t);
}
