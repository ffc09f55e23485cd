#include "tls/tls_info.h"

#include "base/text.h"

#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

/* "RSA-PSS (2048 bits)", "ECDSA (prime256v1)", "ED25519" */
static void name_key(EVP_PKEY *key, const char *rsa, const char *ec, char *ret, size_t size)
{
    char group[64] = "";
    switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
        snprintf(ret, size, "%s (%d bits)", rsa, EVP_PKEY_get_bits(key));
        return;
    case EVP_PKEY_RSA_PSS:
        snprintf(ret, size, "RSA-PSS (%d bits)", EVP_PKEY_get_bits(key));
        return;
    case EVP_PKEY_DH:
        snprintf(ret, size, "DHE (%d bits)", EVP_PKEY_get_bits(key));
        return;
    case EVP_PKEY_EC:
        EVP_PKEY_get_group_name(key, group, sizeof group, NULL);
        snprintf(ret, size, "%s (%s)", ec, group[0] ? group : "unknown");
        return;
    default:
        snprintf(ret, size, "%s", OBJ_nid2ln(EVP_PKEY_get_base_id(key)));
    }
}

static void read_signature(EVP_PKEY *key, int has_digest, int digest, struct tls_signature *ret)
{
    name_key(key, "RSA-PSS", "ECDSA", ret->algorithm, sizeof ret->algorithm);
    if (has_digest == 1 && digest != NID_undef)
        snprintf(ret->digest, sizeof ret->digest, "%s", OBJ_nid2sn(digest));
}

/* TLSv1.3 does not name them in the cipher; RSA keys sign there with PSS. A session that was
 * resumed has no signatures, but the keys are known. A client that was not asked has not signed. */
static void read_signatures(SSL *ssl, struct tls_info *info)
{
    EVP_PKEY *key = NULL;
    int digest = NID_undef;
    bool is_server = SSL_is_server(ssl) == 1;
    struct tls_signature *ours = is_server ? &info->server : &info->client;
    struct tls_signature *theirs = is_server ? &info->client : &info->server;
    if (SSL_get_peer_tmp_key(ssl, &key) == 1) {
        name_key(key, "RSA", "ECDHE", info->key_exchange, sizeof info->key_exchange);
        EVP_PKEY_free(key);
    }
    X509 *own = SSL_get_certificate(ssl), *peer = SSL_get0_peer_certificate(ssl);
    int has_signed = SSL_get_signature_nid(ssl, &digest);
    if (own && (is_server || has_signed == 1))
        read_signature(X509_get0_pubkey(own), has_signed, digest, ours);
    if (peer) {
        has_signed = SSL_get_peer_signature_nid(ssl, &digest);
        read_signature(X509_get0_pubkey(peer), has_signed, digest, theirs);
    }
}

/* A common name as it may be logged: one that is too long, or holds a NUL, is not used. */
static void read_common_name(const X509_NAME *name, char *ret, size_t size)
{
    CLEANUP(strbuf_done) struct strbuf clean = STRBUF_ANY;
    unsigned char *utf8 = NULL;
    int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
    if (at < 0)
        return;
    int len = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
    if (len > 0 && (size_t)len < size && !memchr(utf8, 0, (size_t)len)) {
        for (int i = 0; i < len; i++) {
            bool plain = utf8[i] >= ' ' && utf8[i] < 127 && utf8[i] != '"' && utf8[i] != '\\';
            strbuf_add_char(&clean, plain ? (char)utf8[i] : '?');
        }
        snprintf(ret, size, "%s", clean.s);
    }
    OPENSSL_free(utf8);
}

/* "AB:CD:..." */
static void print_digest(const unsigned char *digest, unsigned size, char *ret)
{
    for (unsigned i = 0; i < MIN(size, (unsigned)TLS_DIGEST_MAX); i++)
        snprintf(ret + i * 3, 4, i + 1 < size ? "%02X:" : "%02X", digest[i]);
}

void tls_info_fingerprints(const X509 *certificate, const EVP_MD *digest, char *ret_fingerprint,
                           char *ret_key_fingerprint)
{
    unsigned char *key = NULL, out[EVP_MAX_MD_SIZE];
    unsigned size;
    if (X509_digest(certificate, digest, out, &size) == 1)
        print_digest(out, size, ret_fingerprint);
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &key);
    if (len > 0 && EVP_Digest(key, (size_t)len, out, &size, digest, NULL) == 1)
        print_digest(out, size, ret_key_fingerprint);
    OPENSSL_free(key);
}

static void read_certificate(SSL *ssl, const EVP_MD *digest, struct tls_info *info)
{
    X509 *peer = SSL_get0_peer_certificate(ssl);
    if (!peer)
        return;
    info->has_certificate = true;
    info->is_trusted = SSL_get_verify_result(ssl) == X509_V_OK;
    info->verify_error = X509_verify_cert_error_string(SSL_get_verify_result(ssl));
    read_common_name(X509_get_subject_name(peer), info->subject_cn, sizeof info->subject_cn);
    read_common_name(X509_get_issuer_name(peer), info->issuer_cn, sizeof info->issuer_cn);
    tls_info_fingerprints(peer, digest, info->fingerprint, info->key_fingerprint);
}

void tls_info_read(SSL *ssl, bool asked, const EVP_MD *digest, struct tls_info *ret)
{
    const SSL_CIPHER *cipher = SSL_get_current_cipher(ssl);
    *ret = (struct tls_info){.was_asked = asked, .is_resumed = SSL_session_reused(ssl) == 1};
    snprintf(ret->protocol, sizeof ret->protocol, "%s", SSL_get_version(ssl));
    snprintf(ret->cipher, sizeof ret->cipher, "%s", SSL_CIPHER_get_name(cipher));
    ret->used_bits = SSL_CIPHER_get_bits(cipher, &ret->algorithm_bits);
    if (SSL_version(ssl) >= TLS1_3_VERSION)
        read_signatures(ssl, ret);
    read_certificate(ssl, digest, ret);
}

static void add_named(struct strbuf *out, const char *before, const char *name, const char *value)
{
    if (value[0])
        strbuf_addf(out, "%s%s %s", before, name, value);
}

void tls_info_format(const struct tls_info *info, const char *separator, const char *separator_peer,
                     struct strbuf *out)
{
    strbuf_addf(out, "%s with cipher %s (%d/%d bits)", info->protocol, info->cipher,
                info->used_bits, info->algorithm_bits);
    const char *before = separator;
    if (info->key_exchange[0]) {
        add_named(out, before, "key-exchange", info->key_exchange);
        before = " ";
    }
    add_named(out, before, "server-signature", info->server.algorithm);
    add_named(out, " ", "server-digest", info->server.digest);
    add_named(out, separator_peer, "client-signature", info->client.algorithm);
    add_named(out, " ", "client-digest", info->client.digest);
}

const char *tls_info_trust(const struct tls_info *info)
{
    return !info->has_certificate ? "Anonymous"
           : info->is_matched     ? "Verified"
           : info->is_trusted     ? "Trusted"
                                  : "Untrusted";
}
