#include "tls/tls_peer_chain.h"

#include "tls/tls_context.h"
#include "tls/tls_info.h"
#include "tls/tls_session_private.h"

#include <openssl/pem.h>
#include <openssl/ssl.h>

static void add_name(const char *title, const X509_NAME *name, struct strbuf *out)
{
    char text[1024] = "";
    X509_NAME_oneline(name, text, sizeof text); /* escapes what does not print */
    strbuf_addf(out, "%s%s\n", title, text);
}

static void add_pem(X509 *certificate, struct strbuf *out)
{
    BIO *memory = BIO_new(BIO_s_mem());
    char *text;
    if (!memory)
        return;
    if (PEM_write_bio_X509(memory, certificate) == 1) {
        long len = BIO_get_mem_data(memory, &text);
        strbuf_add_slice(out, (struct slice){text, (size_t)len});
    }
    BIO_free(memory);
}

void tls_peer_chain_print(const struct tls_session *t, struct strbuf *out)
{
    STACK_OF(X509) *chain = SSL_get_peer_cert_chain(t->ssl);
    for (int i = 0; i < sk_X509_num(chain); i++) { /* -1 for no chain */
        X509 *certificate = sk_X509_value(chain, i);
        char fingerprint[TLS_FINGERPRINT_SIZE] = "", key_fingerprint[TLS_FINGERPRINT_SIZE] = "";
        tls_info_fingerprints(certificate, t->context->fingerprint, fingerprint, key_fingerprint);
        strbuf_addf(out, "%2d", i);
        add_name(" subject: ", X509_get_subject_name(certificate), out);
        add_name("    issuer: ", X509_get_issuer_name(certificate), out);
        strbuf_addf(out, "   cert digest=%s\n   pkey digest=%s\n", fingerprint, key_fingerprint);
        add_pem(certificate, out);
    }
}
