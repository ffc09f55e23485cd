#include "tls/tls_server.h"

#include "base/slice.h"
#include "base/strbuf.h"
#include "base/xmem.h"
#include "map/maps.h"
#include "tls/tls_ciphers.h"
#include "tls/tls_error.h"
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
    server->base.cipher_list = server->cipher_list;
    if (SSL_CTX_set_cipher_list(server->base.ctx, list.s) == 1)
        return true;
    return err_set(err, ERR_CONFIG, "no TLS cipher is left of \"%s\": %s", list.s, disabled);
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
    if (depth > t->context->verify_depth)
        X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_CHAIN_TOO_LONG);
    else if (ok && depth == 0 && !is_for_some_use(store))
        X509_STORE_CTX_set_error(store, X509_V_ERR_INVALID_PURPOSE);
    tls_trace_certificate(t, ok, store);
    return 1;
}

static void set_client_certificates(SSL_CTX *ctx, const struct tls_server_settings *settings)
{
    if (!settings->ask_client_certificate)
        return;
    int mode = SSL_VERIFY_PEER | SSL_VERIFY_CLIENT_ONCE;
    SSL_CTX_set_verify(ctx, mode, accept_any);
    /* one more than counts, for accept_any() to see that there is one too many */
    SSL_CTX_set_verify_depth(ctx, MIN(settings->verify_depth, INT32_MAX - 1) + 1);
    if (settings->files.CAfile[0])
        SSL_CTX_set_client_CA_list(ctx, SSL_load_client_CA_file(settings->files.CAfile));
    if (tls_params.tls_trust_server_ccerts)
        X509_VERIFY_PARAM_set_purpose(SSL_CTX_get0_param(ctx), X509_PURPOSE_ANY);
}

/* A session is good for a server that would have asked the client for the same. */
static void set_resumption(struct tls_server *server, const struct tls_server_settings *settings,
                           struct strbuf *problems)
{
    CLEANUP(strbuf_done) struct strbuf context = STRBUF_ANY, tlsmgr = STRBUF_ANY;
    strbuf_addf(&context, "%s %d %d %s %s %d", settings->service, settings->ask_client_certificate,
                settings->require_client_certificate, settings->files.CAfile,
                settings->files.CApath, settings->verify_depth);
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
    server->base.resume = tls_resume_new(server->base.ctx, &resume, problems);
}

static bool has_certificate(const struct tls_files *files)
{
    return files->chain_files[0] || files->cert_file[0] || files->dcert_file[0] ||
           files->eccert_file[0];
}

/* The name that a certificate of its own was chosen for. */
static void on_done(struct tls_session *t)
{
    t->info.sni = t->sni;
}

static bool set_up(struct tls_server *server, const struct tls_server_settings *settings,
                   struct strbuf *problems, struct err *err)
{
    if (!tls_context_set_up(&server->base, TLS_server_method(), settings->fingerprint_digest,
                            problems, err))
        return false;
    SSL_CTX *ctx = server->base.ctx;
    if (!set_protocols(ctx, settings->protocols, err) || !set_ciphers(server, settings, err))
        return false;
    if (!has_certificate(&settings->files))
        return err_set(err, ERR_CONFIG, "No server certs available. TLS won't be enabled");
    if (!tls_context_load_certificates(&server->base, &settings->files, problems, err) ||
        !tls_context_load_authorities(&server->base, &settings->files, err))
        return false;
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
    server->base = (struct tls_context){.call = "SSL_accept",
                                        .asks_for_certificates = settings->ask_client_certificate,
                                        .verify_depth = settings->verify_depth,
                                        .on_done = on_done};
    if (set_up(server, settings, problems, &err))
        return server;
    tls_error_take(problems);
    strbuf_addf(problems, "%s\n", err.reason);
    tls_server_free(server);
    return NULL;
}

void tls_server_start(struct tls_server *server, struct loop *loop,
                      void (*on_problem)(const char *text))
{
    tls_resume_start(server->base.resume, loop, on_problem);
}

void tls_server_free(struct tls_server *server)
{
    if (!server)
        return;
    tls_context_done(&server->base);
    tls_resume_free(server->base.resume);
    free(server->cipher_list);
    free(server);
}
