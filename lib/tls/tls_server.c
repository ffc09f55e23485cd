#include "tls/tls_server.h"

#include "base/slice.h"
#include "base/strbuf.h"
#include "base/xmem.h"
#include "map/maps.h"
#include "tls/tls_chain.h"
#include "tls/tls_ciphers.h"
#include "tls/tls_error.h"
#include "tls/tls_library.h"
#include "tls/tls_options.h"
#include "tls/tls_params.h"
#include "tls/tls_protocols.h"
#include "tls/tls_resume.h"
#include "tls/tls_session_private.h"
#include "tls/tls_sni.h"
#include "tls/tls_trace.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

static const char disabled[] = "disabling TLS support";

static bool set_protocols(SSL_CTX *ctx, const char *list, struct err *err)
{
    struct tls_protocols protocols;
    struct err why = ERR_INIT;
    if (!tls_protocols_parse(list, &protocols, &why))
        return err_set(err, ERR_CONFIG, "%s: %s", why.reason, disabled);
    SSL_CTX_set_options(ctx, protocols.excluded);
    if (SSL_CTX_set_min_proto_version(ctx, protocols.lowest) == 1 &&
        SSL_CTX_set_max_proto_version(ctx, protocols.highest) == 1)
        return true;
    return err_set(err, ERR_CONFIG, "Invalid TLS protocol list \"%s\": %s", list, disabled);
}

static bool set_ciphers(struct tls_server *server, const struct tls_server_settings *settings,
                        struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf list = STRBUF_ANY;
    if (!tls_ciphers_list(settings->ciphers, settings->exclude_ciphers,
                          settings->ask_client_certificate, &list, err))
        return false;
    server->cipher_list = xstrdup(list.s);
    if (SSL_CTX_set_cipher_list(server->ctx, list.s) == 1)
        return true;
    return err_set(err, ERR_CONFIG, "no TLS cipher is left of \"%s\": %s", list.s, disabled);
}

static void add_groups(SSL_CTX *ctx, const char *list, struct strbuf *known)
{
    struct slice rest = slice_of(list), item;
    while (slice_next_token(&rest, " \t\r\n,:", &item)) {
        CLEANUP(strbuf_done) struct strbuf one = STRBUF_ANY;
        strbuf_set_slice(&one, item);
        if (SSL_CTX_set1_groups_list(ctx, one.s) == 1)
            strbuf_addf(known, "%s%s", known->len ? ":" : "", one.s);
    }
}

/* Groups that this OpenSSL lacks are left out; an empty list leaves the choice to it. */
static void set_groups(SSL_CTX *ctx)
{
    CLEANUP(strbuf_done) struct strbuf known = STRBUF_ANY;
    add_groups(ctx, tls_params.tls_eecdh_auto_curves, &known);
    add_groups(ctx, tls_params.tls_ffdhe_auto_groups, &known);
    if (known.len)
        SSL_CTX_set1_groups_list(ctx, known.s);
    ERR_clear_error();
}

/* For TLSv1.2 and older. "auto" and "none" are what no file is. */
static void set_dh_parameters(SSL_CTX *ctx, const char *file, struct strbuf *problems)
{
    EVP_PKEY *parameters = NULL;
    SSL_CTX_set_dh_auto(ctx, 1);
    if (!file[0] || strcmp(file, "auto") == 0 || strcmp(file, "none") == 0)
        return;
    BIO *in = BIO_new_file(file, "r");
    if (in)
        parameters = PEM_read_bio_Parameters(in, NULL);
    BIO_free(in);
    if (parameters && SSL_CTX_set0_tmp_dh_pkey(ctx, parameters) == 1)
        return;
    EVP_PKEY_free(parameters);
    strbuf_addf(problems, "cannot load DH parameters from file %s -- using compiled-in defaults\n",
                file);
    tls_error_take(problems);
}

/* LOADED or not: the files' fault is told before OpenSSL's words, that there is no TLS after them.
 */
static bool check_loaded(bool loaded, const char *files, const struct err *why,
                         struct strbuf *problems, struct err *err)
{
    if (loaded)
        return true;
    strbuf_addf(problems, "%s\n", why->reason);
    return err_set(err, ERR_CONFIG, "error loading private keys and certificates from: %s: %s",
                   files, disabled);
}

static bool load_certificates(SSL_CTX *ctx, const struct tls_server_settings *settings,
                              struct strbuf *problems, struct err *err)
{
    const struct {
        const char *cert, *key;
    } pairs[] = {{settings->cert_file, settings->key_file},
                 {settings->dcert_file, settings->dkey_file},
                 {settings->eccert_file, settings->eckey_file}};
    bool has_one = false;
    struct err why = ERR_INIT;
    if (settings->chain_files[0])
        return check_loaded(tls_chain_load_files(ctx, settings->chain_files, &why),
                            settings->chain_files, &why, problems, err);
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        if (!pairs[i].cert[0])
            continue;
        if (!check_loaded(tls_chain_load_pair(ctx, pairs[i].cert, pairs[i].key, &why),
                          pairs[i].cert, &why, problems, err))
            return false;
        has_one = true;
    }
    return has_one || err_set(err, ERR_CONFIG, "No server certs available. TLS won't be enabled");
}

/* tls_trust_server_ccerts widens what OpenSSL accepts for a client's certificate, to these. */
static bool is_for_some_use(X509_STORE_CTX *store)
{
    X509 *leaf = X509_STORE_CTX_get_current_cert(store);
    return X509_check_purpose(leaf, X509_PURPOSE_SSL_CLIENT, 0) == 1 ||
           X509_check_purpose(leaf, X509_PURPOSE_SSL_SERVER, 0) == 1;
}

/* Whether a certificate is good is for the restrictions to say: the handshake goes on with any. */
static int accept_any(int ok, X509_STORE_CTX *store)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls_session *t = SSL_get_app_data(ssl);
    int depth = X509_STORE_CTX_get_error_depth(store);
    if (depth > t->server->verify_depth)
        X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_CHAIN_TOO_LONG);
    else if (ok && depth == 0 && !is_for_some_use(store))
        X509_STORE_CTX_set_error(store, X509_V_ERR_INVALID_PURPOSE);
    tls_trace_certificate(t, ok, store);
    return 1;
}

static bool load_authorities(SSL_CTX *ctx, const struct tls_server_settings *settings,
                             struct err *err)
{
    const char *file = settings->CAfile[0] ? settings->CAfile : NULL;
    const char *path = settings->CApath[0] ? settings->CApath : NULL;
    if ((file || path) && SSL_CTX_load_verify_locations(ctx, file, path) != 1)
        return err_set(err, ERR_CONFIG,
                       "cannot load Certification Authority data, CAfile=\"%s\" "
                       "CApath=\"%s\"",
                       settings->CAfile, settings->CApath);
    if (tls_params.tls_append_default_CA && SSL_CTX_set_default_verify_paths(ctx) != 1)
        return err_set(err, ERR_CONFIG, "cannot load the system's certification authorities");
    if (file)
        SSL_CTX_set_client_CA_list(ctx, SSL_load_client_CA_file(file));
    return true;
}

static void set_client_certificates(SSL_CTX *ctx, const struct tls_server_settings *settings)
{
    if (!settings->ask_client_certificate)
        return;
    int mode = SSL_VERIFY_PEER | SSL_VERIFY_CLIENT_ONCE;
    SSL_CTX_set_verify(ctx, mode, accept_any);
    /* one more than counts, for accept_any() to see that there is one too many */
    SSL_CTX_set_verify_depth(ctx, MIN(settings->verify_depth, INT32_MAX - 1) + 1);
    if (tls_params.tls_trust_server_ccerts)
        X509_VERIFY_PARAM_set_purpose(SSL_CTX_get0_param(ctx), X509_PURPOSE_ANY);
}

/* A session is good for a server that would have asked the client for the same. */
static void set_resumption(struct tls_server *server, const struct tls_server_settings *settings,
                           struct strbuf *problems)
{
    CLEANUP(strbuf_done) struct strbuf context = STRBUF_ANY, tlsmgr = STRBUF_ANY;
    strbuf_addf(&context, "%s %d %d %s %s %d", settings->service, settings->ask_client_certificate,
                settings->require_client_certificate, settings->CAfile, settings->CApath,
                settings->verify_depth);
    strbuf_addf(&tlsmgr, "private/%s", tls_params.tlsmgr_service_name);
    const struct tls_resume_settings resume = {
        .tlsmgr = tlsmgr.s,
        .cache = "smtpd",
        .service = settings->service,
        .ticket_cipher = tls_params.tls_session_ticket_cipher,
        .context = context.s,
        .context_size = context.len,
        .seed_size = tls_params.tls_daemon_random_bytes,
        .always_gives_ids = settings->always_gives_session_ids,
    };
    server->resume = tls_resume_new(server->ctx, &resume, problems);
}

static void set_options(SSL_CTX *ctx, struct strbuf *problems)
{
    SSL_CTX_clear_options(ctx, SSL_OP_ALL);
    SSL_CTX_set_options(ctx, tls_options_workarounds(tls_params.tls_disable_workarounds, problems));
    SSL_CTX_set_options(ctx, tls_options_parse(tls_params.tls_ssl_options, problems));
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_IGNORE_UNEXPECTED_EOF);
    if (tls_params.tls_preempt_cipherlist)
        SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_security_level(ctx, 0); /* the cipher grade decides, as for Postfix */
}

static bool set_fingerprint(struct tls_server *server, const char *digest, struct strbuf *problems,
                            struct err *err)
{
    server->fingerprint = EVP_MD_fetch(NULL, digest, NULL);
    if (server->fingerprint && EVP_MD_get_size(server->fingerprint) <= TLS_DIGEST_MAX)
        return true;
    ERR_clear_error();
    strbuf_addf(problems, "Digest algorithm \"%s\" not found\n", digest);
    return err_set(err, ERR_CONFIG, "%s", disabled);
}

static bool set_up(struct tls_server *server, const struct tls_server_settings *settings,
                   struct strbuf *problems, struct err *err)
{
    SSL_CTX *ctx = server->ctx;
    set_options(ctx, problems);
    if (!set_fingerprint(server, settings->fingerprint_digest, problems, err) ||
        !set_protocols(ctx, settings->protocols, err) || !set_ciphers(server, settings, err) ||
        !load_certificates(ctx, settings, problems, err) || !load_authorities(ctx, settings, err))
        return false;
    set_groups(ctx);
    set_dh_parameters(ctx, settings->dh_param_file, problems);
    set_client_certificates(ctx, settings);
    set_resumption(server, settings, problems);
    if (!maps_is_empty(settings->sni_maps))
        tls_sni_set_up(ctx, settings->sni_maps);
    return true;
}

struct tls_server *tls_server_new(const struct tls_server_settings *settings,
                                  struct strbuf *problems)
{
    struct err err = ERR_INIT;
    struct tls_server *server = xzalloc(sizeof *server);
    server->asks_for_certificates = settings->ask_client_certificate;
    server->verify_depth = settings->verify_depth;
    if (tls_library_start(tls_params.tls_config_file, tls_params.tls_config_name, &err)) {
        server->ctx = SSL_CTX_new(TLS_server_method());
        if (!server->ctx)
            err_set(&err, ERR_CONFIG, "OpenSSL gives no TLS context: %s", disabled);
        else if (set_up(server, settings, problems, &err))
            return server;
    }
    tls_error_take(problems);
    strbuf_addf(problems, "%s\n", err.reason);
    tls_server_free(server);
    return NULL;
}

void tls_server_start(struct tls_server *server, struct loop *loop,
                      void (*on_problem)(const char *text))
{
    tls_resume_start(server->resume, loop, on_problem);
}

void tls_server_free(struct tls_server *server)
{
    if (!server)
        return;
    SSL_CTX_free(server->ctx);
    tls_resume_free(server->resume);
    EVP_MD_free(server->fingerprint);
    free(server->cipher_list);
    free(server);
}
