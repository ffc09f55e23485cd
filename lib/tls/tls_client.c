#include "tls/tls_client.h"

#include "base/slice.h"
#include "base/strbuf.h"
#include "base/xmem.h"
#include "tls/tls_ciphers.h"
#include "tls/tls_client_cache.h"
#include "tls/tls_client_private.h"
#include "tls/tls_dane.h"
#include "tls/tls_error.h"
#include "tls/tls_params.h"
#include "tls/tls_protocols.h"
#include "tls/tls_session_private.h"
#include "tls/tls_trace.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* --- the server's certificate --------------------------------------------------------------- */

static void note_fault(struct tls_expect *e, X509_STORE_CTX *store, int error, int depth)
{
    X509 *certificate = X509_STORE_CTX_get_current_cert(store);
    if (e->error != X509_V_OK && e->error_depth <= depth)
        return;
    e->error = error;
    e->error_depth = depth;
    e->issuer[0] = 0;
    if (certificate)
        X509_NAME_oneline(X509_get_issuer_name(certificate), e->issuer, sizeof e->issuer);
}

/* What a certificate is worth is for the policy to say: the handshake goes on with any. OpenSSL
 * keeps the fault as the verify result, also of a session that is resumed later. */
static int accept_any(int ok, X509_STORE_CTX *store)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls_session *t = SSL_get_app_data(ssl);
    int depth = X509_STORE_CTX_get_error_depth(store);
    if (depth > t->context->verify_depth) {
        X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_CHAIN_TOO_LONG);
        ok = 0;
    }
    if (!ok)
        note_fault(t->expect, store, X509_STORE_CTX_get_error(store), depth);
    tls_trace_certificate(t, ok, store);
    return 1;
}

/* Fingerprints are compared without colons and without regard to case. */
static void add_digits(struct slice text, struct strbuf *out)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.s[i] != ':')
            strbuf_add_char(out, text.s[i]);
}

static bool is_listed(struct tls_session *t, const char *fingerprint)
{
    const struct argv *list = &t->expect->fingerprints;
    CLEANUP(strbuf_done) struct strbuf digits = STRBUF_ANY;
    add_digits(slice_of(fingerprint), &digits);
    for (size_t i = 0; i < list->count; i++)
        if (strcasecmp(list->at[i], digits.s) == 0) {
            tls_session_note(t, t->match_level, "%s: Matched fingerprint: %s", t->peer, digits.s);
            return true;
        }
    return false;
}

static void tell_fault(struct tls_session *t, int error)
{
    const struct tls_expect *e = t->expect;
    if (t->info.is_resumed) {
        tls_session_note(t, 1,
                         "%s: re-using session with untrusted certificate, look for details "
                         "earlier in the log",
                         t->peer);
        return;
    }
    bool is_ca = e->has_names && e->error != X509_V_OK && e->error_depth > 0;
    const char *whose = is_ca ? "CA" : "server";
    switch (error) {
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        tls_session_note(t, 1, "certificate verification failed for %s: self-signed certificate",
                         t->peer);
        return;
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        tls_session_note(t, 1, "certificate verification failed for %s: untrusted issuer %s",
                         t->peer, e->issuer);
        return;
    case X509_V_ERR_CERT_NOT_YET_VALID:
    case X509_V_ERR_CERT_HAS_EXPIRED:
        tls_session_note(t, 1, "%s certificate verification failed for %s: %s", whose, t->peer,
                         X509_verify_cert_error_string(error));
        return;
    default:
        tls_session_note(t, 1, "%s certificate verification failed for %s: num=%d:%s", whose,
                         t->peer, error, X509_verify_cert_error_string(error));
    }
}

static enum tls_fault fault_of(int error)
{
    switch (error) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
        return TLS_FAULT_NAME;
    case X509_V_ERR_CERT_NOT_YET_VALID:
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return TLS_FAULT_EXPIRED;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        return TLS_FAULT_UNTRUSTED;
    default:
        return TLS_FAULT_OTHER;
    }
}

static void tell_match(struct tls_session *t)
{
    const char *name = SSL_get0_peername(t->ssl);
    if (name && t->expect->has_names)
        tls_session_note(t, t->match_level, "%s: matched peername: %s", t->peer, name);
    tls_dane_tell(t);
}

static void on_done(struct tls_session *t)
{
    const struct tls_expect *e = t->expect;
    struct tls_info *info = &t->info;
    bool expects = e->has_names || e->fingerprints.count > 0;
    int error = e->error != X509_V_OK ? e->error : (int)SSL_get_verify_result(t->ssl);
    info->is_fallback = e->is_fallback;
    info->was_offered = e->was_offered;
    if (info->is_resumed)
        tls_session_note(t, t->cache_level, "%s: Reusing old session", t->peer);
    if (!info->has_certificate || !expects)
        return;
    info->is_trusted = info->is_trusted && error == X509_V_OK;
    if (e->is_hopeless) {
        error = X509_V_ERR_UNSPECIFIED;
    } else if (e->has_names) {
        info->is_matched = info->is_trusted;
    } else {
        info->is_matched = is_listed(t, info->fingerprint) || is_listed(t, info->key_fingerprint);
        error = X509_V_ERR_DANE_NO_MATCH;
    }
    if (info->is_matched) {
        tell_match(t);
        return;
    }
    info->is_trusted = false;
    info->fault = fault_of(error);
    info->fault_text = X509_verify_cert_error_string(error);
    tell_fault(t, error);
    tls_client_cache_refuse(t);
}

/* --- one session ---------------------------------------------------------------------------- */

static bool set_protocols(SSL *ssl, const char *list, struct err *err)
{
    struct tls_protocols protocols;
    struct err why = ERR_INIT;
    if (tls_protocols_parse(list, &protocols, &why)) {
        SSL_set_options(ssl, protocols.excluded);
        if (SSL_set_min_proto_version(ssl, protocols.lowest) == 1 &&
            SSL_set_max_proto_version(ssl, protocols.highest) == 1)
            return true;
    }
    return err_set(err, ERR_CONFIG, "Invalid TLS protocol list \"%s\": aborting TLS session", list);
}

static bool set_ciphers(struct tls_session *t, const struct tls_wants *wants, struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf list = STRBUF_ANY;
    bool needs_certificate = wants->names || wants->fingerprints || wants->dane;
    if (!tls_ciphers_list(wants->ciphers, wants->exclude_ciphers, needs_certificate, &list, err))
        return false;
    tls_session_note(t, 2, "%s: TLS cipher list \"%s\"", t->peer, list.s);
    return SSL_set_cipher_list(t->ssl, list.s) == 1 ||
           err_set(err, ERR_CONFIG, "no TLS cipher is left of \"%s\"", list.s);
}

static bool refuse_name(struct err *err)
{
    return err_set(err, ERR_CONFIG, "a server name that OpenSSL does not take");
}

static bool set_sni(struct tls_session *t, const struct tls_wants *wants, struct err *err)
{
    if (!wants->server_name)
        return true;
    tls_session_note(t, 2, "%s: SNI hostname: %s", t->peer, wants->server_name);
    return SSL_set_tlsext_host_name(t->ssl, wants->server_name) == 1 || refuse_name(err);
}

/* RFC 7672, section 2.2: what cannot be used at all asks for TLS, and no more. *WANTS is changed
 * accordingly. */
static bool set_dane(struct tls_session *t, struct tls_wants *wants, struct err *err)
{
    bool is_usable;
    if (!wants->dane)
        return true;
    if (!tls_dane_enable(t, wants->dane, &is_usable, err))
        return false;
    if (!wants->server_name)
        SSL_set_tlsext_host_name(t->ssl, NULL); /* OpenSSL has made it the base */
    t->expect->has_anchors = !wants->dane->base;
    if (is_usable)
        return true;
    if (wants->dane->may_fall_back)
        wants->names = NULL;
    SSL_set1_host(t->ssl, NULL);
    t->expect->is_fallback = wants->dane->may_fall_back;
    t->expect->is_hopeless = !wants->dane->may_fall_back;
    return true;
}

static bool set_names(struct tls_session *t, const struct tls_wants *wants, struct err *err)
{
    const char *const *name = wants->names;
    bool ok = true;
    /* Records and trust anchors stand for one server or one authority: nothing is guessed there. */
    bool is_wide = tls_params.tls_wildcard_matches_multiple_labels && !wants->dane;
    SSL_set_hostflags(t->ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                                  (is_wide ? X509_CHECK_FLAG_MULTI_LABEL_WILDCARDS : 0));
    for (; ok && name && *name; name++) {
        ok = (t->expect->has_names ? SSL_add1_host(t->ssl, *name) : SSL_set1_host(t->ssl, *name)) ==
             1;
        t->expect->has_names = true;
    }
    for (name = wants->fingerprints; name && *name; name++) {
        CLEANUP(strbuf_done) struct strbuf digits = STRBUF_ANY;
        add_digits(slice_of(*name), &digits);
        argv_add(&t->expect->fingerprints, digits.s);
    }
    return ok || refuse_name(err);
}

struct tls_session *tls_session_new_client(struct tls_client *client, const struct tls_wants *wants,
                                           struct loop *loop, int fd,
                                           const struct tls_session_options *options,
                                           const struct tls_session_events *events, void *owner,
                                           struct err *err)
{
    struct tls_session *t = tls_session_new(&client->base, loop, fd, options, events, owner);
    if (!t) {
        err_set(err, ERR_TEMP, "OpenSSL gives no TLS session");
        return NULL;
    }
    t->expect = xzalloc(sizeof *t->expect);
    t->expect->client = client;
    t->expect->error = X509_V_OK;
    t->expect->cache_key = xstrdup(wants->cache_key);
    SSL_set_connect_state(t->ssl);
    struct tls_wants own = *wants;
    tls_session_note(t, 2, "setting up TLS connection to %s", t->peer);
    if (!set_protocols(t->ssl, wants->protocols, err) || !set_ciphers(t, wants, err) ||
        !set_sni(t, wants, err) || !set_dane(t, &own, err) || !set_names(t, &own, err)) {
        ERR_clear_error();
        tls_session_free(t);
        return NULL;
    }
    tls_client_cache_find(t);
    return t;
}

void tls_client_forget(struct tls_session *t)
{
    if (!t->expect)
        return;
    argv_done(&t->expect->fingerprints);
    free(t->expect->cache_key);
    free(t->expect);
    t->expect = NULL;
}

/* --- all sessions --------------------------------------------------------------------------- */

static bool set_up(struct tls_client *client, const struct tls_client_settings *settings,
                   struct strbuf *problems, struct err *err)
{
    const struct tls_files *files = &settings->files;
    if (!tls_context_set_up(&client->base, TLS_client_method(), settings->fingerprint_digest,
                            problems, err) ||
        !tls_context_load_certificates(&client->base, files, problems, err) ||
        !tls_context_load_authorities(&client->base, files, err))
        return false;
    SSL_CTX *ctx = client->base.ctx;
    if (!tls_dane_set_up(ctx, tls_params.tls_dane_digests, problems))
        return err_set(err, ERR_CONFIG,
                       "OpenSSL DANE initialization failed: disabling TLS support");
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, accept_any);
    /* one more than counts, for accept_any() to see that there is one too many */
    SSL_CTX_set_verify_depth(ctx, MIN(settings->verify_depth, INT32_MAX - 1) + 1);
    client->cache = tls_client_cache_new(ctx, settings);
    return true;
}

struct tls_client *tls_client_new(const struct tls_client_settings *settings,
                                  struct strbuf *problems)
{
    struct err err = ERR_INIT;
    struct tls_client *client = xzalloc(sizeof *client);
    client->base = (struct tls_context){.call = "SSL_connect",
                                        .asks_for_certificates = true,
                                        .verify_depth = settings->verify_depth,
                                        .on_done = on_done};
    if (set_up(client, settings, problems, &err))
        return client;
    tls_error_take(problems);
    strbuf_addf(problems, "%s\n", err.reason);
    tls_client_free(client);
    return NULL;
}

void tls_client_start(struct tls_client *client, struct loop *loop)
{
    tls_client_cache_start(client->cache, loop);
}

bool tls_client_has_sessions(const struct tls_client *client)
{
    return !tls_client_cache_is_empty(client->cache);
}

void tls_client_free(struct tls_client *client)
{
    if (!client)
        return;
    tls_context_done(&client->base);
    tls_client_cache_free(client->cache);
    free(client);
}
