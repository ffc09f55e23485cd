#include "tls/tls_server.h"

#include "base/slice.h"
#include "base/strbuf.h"
#include "base/xmem.h"
#include "tls/tls_chain.h"
#include "tls/tls_ciphers.h"
#include "tls/tls_error.h"
#include "tls/tls_params.h"
#include "tls/tls_protocols.h"

#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <stdlib.h>

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

static bool set_ciphers(SSL_CTX *ctx, const struct tls_server_settings *settings, struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf list = STRBUF_ANY;
    if (!tls_ciphers_list(settings->ciphers, settings->exclude_ciphers,
                          settings->ask_client_certificate, &list, err))
        return false;
    if (SSL_CTX_set_cipher_list(ctx, list.s) == 1)
        return true;
    return err_set(err, ERR_CONFIG, "no TLS cipher is left of \"%s\": %s", list.s, disabled);
}

/* Curves that this OpenSSL lacks are left out; an empty list leaves the choice to it. */
static void set_groups(SSL_CTX *ctx)
{
    CLEANUP(strbuf_done) struct strbuf known = STRBUF_ANY;
    struct slice rest = slice_of(tls_params.tls_eecdh_auto_curves), item;
    while (slice_next_token(&rest, " \t\r\n,:", &item)) {
        CLEANUP(strbuf_done) struct strbuf one = STRBUF_ANY;
        strbuf_set_slice(&one, item);
        if (SSL_CTX_set1_groups_list(ctx, one.s) == 1)
            strbuf_addf(&known, "%s%s", known.len ? ":" : "", one.s);
    }
    if (known.len)
        SSL_CTX_set1_groups_list(ctx, known.s);
    SSL_CTX_set_dh_auto(ctx, 1);
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

/* Whether a certificate is good is for the restrictions to say: the handshake goes on with any. */
static int accept_any(int ok, X509_STORE_CTX *store)
{
    (void)ok;
    (void)store;
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
    SSL_CTX_set_verify_depth(ctx, settings->verify_depth);
}

/* Sessions are resumed by tickets alone; their keys live as long as the process. */
static void set_resumption(SSL_CTX *ctx, const struct tls_server_settings *settings)
{
    static const unsigned char context[] = "smtpd";
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_session_id_context(ctx, context, sizeof context - 1);
    SSL_CTX_set_num_tickets(ctx, 1);
    if (settings->ticket_lifetime > 0)
        SSL_CTX_set_timeout(ctx, (long)settings->ticket_lifetime);
    else
        SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
}

static bool set_up(SSL_CTX *ctx, const struct tls_server_settings *settings,
                   struct strbuf *problems, struct err *err)
{
    SSL_CTX_set_options(ctx, SSL_OP_ALL | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_IGNORE_UNEXPECTED_EOF);
    if (tls_params.tls_preempt_cipherlist)
        SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_security_level(ctx, 0); /* the cipher grade decides, as for Postfix */
    if (!set_protocols(ctx, settings->protocols, err) || !set_ciphers(ctx, settings, err) ||
        !load_certificates(ctx, settings, problems, err) || !load_authorities(ctx, settings, err))
        return false;
    set_groups(ctx);
    set_client_certificates(ctx, settings);
    set_resumption(ctx, settings);
    return true;
}

struct tls_server *tls_server_new(const struct tls_server_settings *settings,
                                  struct strbuf *problems)
{
    struct err err = ERR_INIT;
    struct tls_server *server = xzalloc(sizeof *server);
    server->ctx = SSL_CTX_new(TLS_server_method());
    server->asks_for_certificates = settings->ask_client_certificate;
    if (!server->ctx)
        err_set(&err, ERR_CONFIG, "OpenSSL gives no TLS context: %s", disabled);
    else if (set_up(server->ctx, settings, problems, &err))
        return server;
    tls_error_take(problems);
    strbuf_addf(problems, "%s\n", err.reason);
    tls_server_free(server);
    return NULL;
}

void tls_server_free(struct tls_server *server)
{
    if (!server)
        return;
    SSL_CTX_free(server->ctx);
    free(server);
}
