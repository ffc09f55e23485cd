#include "tls/tls_context.h"

#include "base/slice.h"
#include "base/strbuf.h"
#include "base/xmem.h"
#include "tls/tls_chain.h"
#include "tls/tls_error.h"
#include "tls/tls_library.h"
#include "tls/tls_options.h"
#include "tls/tls_params.h"
#include "tls/tls_protocols.h"
#include "tls/tls_session.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>

static const char disabled[] = "disabling TLS support";

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

bool tls_context_load_certificates(struct tls_context *c, const struct tls_files *files,
                                   struct strbuf *problems, struct err *err)
{
    const struct {
        const char *cert, *key;
    } pairs[] = {{files->cert_file, files->key_file},
                 {files->dcert_file, files->dkey_file},
                 {files->eccert_file, files->eckey_file}};
    struct err why = ERR_INIT;
    if (files->chain_files[0])
        return check_loaded(tls_chain_load_files(c->ctx, files->chain_files, &why),
                            files->chain_files, &why, problems, err);
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        if (!pairs[i].cert[0])
            continue;
        if (!check_loaded(tls_chain_load_pair(c->ctx, pairs[i].cert, pairs[i].key, &why),
                          pairs[i].cert, &why, problems, err))
            return false;
    }
    return true;
}

bool tls_context_load_authorities(struct tls_context *c, const struct tls_files *files,
                                  struct err *err)
{
    const char *file = files->CAfile[0] ? files->CAfile : NULL;
    const char *path = files->CApath[0] ? files->CApath : NULL;
    if ((file || path) && SSL_CTX_load_verify_locations(c->ctx, file, path) != 1)
        return err_set(err, ERR_CONFIG,
                       "cannot load Certification Authority data, CAfile=\"%s\" "
                       "CApath=\"%s\"",
                       files->CAfile, files->CApath);
    if (tls_params.tls_append_default_CA && SSL_CTX_set_default_verify_paths(c->ctx) != 1)
        return err_set(err, ERR_CONFIG, "cannot load the system's certification authorities");
    return true;
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

static bool set_fingerprint(struct tls_context *c, const char *digest, struct strbuf *problems,
                            struct err *err)
{
    c->fingerprint = EVP_MD_fetch(NULL, digest, NULL);
    if (c->fingerprint && EVP_MD_get_size(c->fingerprint) <= TLS_DIGEST_MAX)
        return true;
    ERR_clear_error();
    strbuf_addf(problems, "Digest algorithm \"%s\" not found\n", digest);
    return err_set(err, ERR_CONFIG, "%s", disabled);
}

bool tls_context_set_up(struct tls_context *c, const struct ssl_method_st *method,
                        const char *digest, struct strbuf *problems, struct err *err)
{
    if (!tls_library_start(tls_params.tls_config_file, tls_params.tls_config_name, err))
        return false;
    c->ctx = SSL_CTX_new(method);
    if (!c->ctx)
        return err_set(err, ERR_CONFIG, "OpenSSL gives no TLS context: %s", disabled);
    set_options(c->ctx, problems);
    set_groups(c->ctx);
    return set_fingerprint(c, digest, problems, err);
}

void tls_context_done(struct tls_context *c)
{
    SSL_CTX_free(c->ctx);
    EVP_MD_free(c->fingerprint);
}
