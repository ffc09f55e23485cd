/* tls_info: reads what a handshake has agreed on. */
#ifndef TLS_TLS_INFO_H
#define TLS_TLS_INFO_H

#include "base/strbuf.h"
#include "tls/tls_session.h"

struct ssl_st;
struct evp_md_st;
struct x509_st;

/* DIGEST makes the fingerprints. ASKED: for a certificate. */
void tls_info_read(struct ssl_st *ssl, bool asked, const struct evp_md_st *digest,
                   struct tls_info *ret);
/* Those of CERTIFICATE and of its key; each result has room for TLS_FINGERPRINT_SIZE. */
void tls_info_fingerprints(const struct x509_st *certificate, const struct evp_md_st *digest,
                           char *ret_fingerprint, char *ret_key_fingerprint);
/* "TLSv1.3 with cipher X (256/256 bits)", then SEPARATOR and the key exchange and signatures, if
 * known, the client's after SEPARATOR_PEER. */
void tls_info_format(const struct tls_info *info, const char *separator, const char *separator_peer,
                     struct strbuf *out);
/* "Anonymous", "Untrusted", "Trusted" or "Verified" */
const char *tls_info_trust(const struct tls_info *info);

#endif
