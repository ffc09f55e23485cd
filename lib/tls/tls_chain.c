#include "tls/tls_chain.h"

#include "base/slice.h"
#include "base/strbuf.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <string.h>

struct chain {
    EVP_PKEY *key;
    X509 *leaf;
    STACK_OF(X509) * others;
    bool lacks_key; /* in a list of chains each begins with its key; a certificate came first */
};

static void chain_done(struct chain *c)
{
    EVP_PKEY_free(c->key);
    X509_free(c->leaf);
    sk_X509_pop_free(c->others, X509_free);
    *c = (struct chain){0};
}

/* Who gets what is read: all sessions, or one. */
struct target {
    SSL_CTX *ctx;
    SSL *ssl;
};

static bool target_use(const struct target *to, const struct chain *c)
{
    return to->ssl ? SSL_use_cert_and_key(to->ssl, c->leaf, c->key, c->others, 1) == 1
                   : SSL_CTX_use_cert_and_key(to->ctx, c->leaf, c->key, c->others, 1) == 1;
}

static bool chain_apply(const struct target *to, struct chain *c, struct err *err)
{
    bool ok = true;
    if (c->key && !c->leaf)
        ok = err_set(err, ERR_CONFIG, "private key without a certificate");
    else if (c->key && !target_use(to, c))
        ok = err_set(err, ERR_CONFIG, "private key and certificate do not match");
    chain_done(c);
    return ok;
}

static bool is_key(const char *name)
{
    size_t len = strlen(name), end = strlen(PEM_STRING_PKCS8INF);
    return len >= end && strcmp(name + len - end, PEM_STRING_PKCS8INF) == 0 &&
           strcmp(name, PEM_STRING_PKCS8) != 0;
}

static bool is_certificate(const char *name)
{
    return strcmp(name, PEM_STRING_X509) == 0 || strcmp(name, PEM_STRING_X509_OLD) == 0;
}

static bool chain_add_certificate(struct chain *c, const unsigned char *data, long size,
                                  struct err *err)
{
    X509 *certificate = d2i_X509(NULL, &data, size);
    if (!certificate)
        return err_set(err, ERR_CONFIG, "certificate is not readable");
    if (!c->leaf) {
        c->leaf = certificate;
        return true;
    }
    if (!c->others)
        c->others = sk_X509_new_null();
    if (c->others && sk_X509_push(c->others, certificate))
        return true;
    X509_free(certificate);
    return err_set(err, ERR_CONFIG, "out of memory");
}

enum take { TAKE_KEYS = 1, TAKE_CERTIFICATES = 2 };

/* One PEM object of a file. A new key ends the chain before it. */
static bool chain_add(const struct target *to, struct chain *c, unsigned take, const char *name,
                      const unsigned char *data, long size, struct err *err)
{
    if (is_key(name)) {
        if (!(take & TAKE_KEYS))
            return true;
        if (c->key && !chain_apply(to, c, err))
            return false;
        c->key = d2i_AutoPrivateKey(NULL, &data, size);
        return c->key || err_set(err, ERR_CONFIG, "private key is not readable");
    }
    if (is_certificate(name) && take == (TAKE_KEYS | TAKE_CERTIFICATES) && !c->key) {
        c->lacks_key = true;
        return false;
    }
    if (is_certificate(name))
        return !(take & TAKE_CERTIFICATES) || chain_add_certificate(c, data, size, err);
    if (strstr(name, "PARAMETERS"))
        return true;
    return err_set(err, ERR_CONFIG, "PEM object of unexpected kind \"%s\"", name);
}

/* The PEM objects of IN, which is freed; TITLE says where they come from. */
static bool chain_read(const struct target *to, struct chain *c, unsigned take, BIO *in,
                       const char *title, struct err *err)
{
    char *name, *header;
    unsigned char *data;
    long size;
    bool ok = true;
    while (ok && PEM_read_bio(in, &name, &header, &data, &size) == 1) {
        if (header[0])
            ok = err_set(err, ERR_CONFIG, "key is encrypted");
        else
            ok = chain_add(to, c, take, name, data, size, err);
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_clear_free(data, (size_t)size);
    }
    if (ok && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE)
        ERR_clear_error(); /* the end */
    else if (ok)
        ok = err_set(err, ERR_CONFIG, "malformed PEM data");
    BIO_free(in);
    if (c->lacks_key)
        return err_set(err, ERR_CONFIG, "error loading chain from %s: key not first", title);
    return ok || err_prefix(err, title);
}

static bool chain_read_file(const struct target *to, struct chain *c, unsigned take,
                            const char *file, struct err *err)
{
    BIO *in = BIO_new_file(file, "r");
    if (!in)
        return err_set(err, ERR_CONFIG, "error opening chain file: %s: %s", file, strerror(errno));
    return chain_read(to, c, take, in, file, err);
}

static bool chain_has_key(const struct chain *c, const char *title, struct err *err)
{
    return c->key || err_set(err, ERR_CONFIG, "No PEM data in %s", title);
}

bool tls_chain_load_files(SSL_CTX *ctx, const char *files, struct err *err)
{
    const struct target to = {.ctx = ctx};
    struct chain chain = {0};
    struct slice rest = slice_of(files), item;
    bool ok = true;
    while (ok && slice_next_item(&rest, &item)) {
        CLEANUP(strbuf_done) struct strbuf file = STRBUF_ANY;
        strbuf_set_slice(&file, item);
        ok = chain_read_file(&to, &chain, TAKE_KEYS | TAKE_CERTIFICATES, file.s, err) &&
             chain_has_key(&chain, file.s, err);
    }
    ok = ok && (chain_apply(&to, &chain, err) || err_prefix(err, files));
    chain_done(&chain);
    return ok;
}

bool tls_chain_load_text(SSL *ssl, struct slice text, const char *title, struct err *err)
{
    const struct target to = {.ssl = ssl};
    struct chain chain = {0};
    BIO *in = text.len <= INT32_MAX ? BIO_new_mem_buf(text.s, (int)text.len) : NULL;
    if (!in)
        return err_set(err, ERR_TEMP, "%s: out of memory", title);
    SSL_certs_clear(ssl);
    bool ok = chain_read(&to, &chain, TAKE_KEYS | TAKE_CERTIFICATES, in, title, err) &&
              chain_has_key(&chain, title, err) &&
              (chain_apply(&to, &chain, err) || err_prefix(err, title));
    chain_done(&chain);
    return ok;
}

bool tls_chain_load_pair(SSL_CTX *ctx, const char *cert_file, const char *key_file, struct err *err)
{
    const struct target to = {.ctx = ctx};
    struct chain chain = {0};
    bool ok = chain_read_file(&to, &chain, TAKE_CERTIFICATES, cert_file, err);
    if (ok && !chain.leaf)
        ok = err_set(err, ERR_CONFIG, "no certificate in %s", cert_file);
    ok = ok && chain_read_file(&to, &chain, TAKE_KEYS, key_file, err);
    if (ok && !chain.key)
        ok = err_set(err, ERR_CONFIG, "no private key in %s", key_file);
    ok = ok && (chain_apply(&to, &chain, err) || err_prefix(err, cert_file));
    chain_done(&chain);
    return ok;
}
