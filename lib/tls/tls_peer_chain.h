/* tls_peer_chain: the certificates that a peer has sent, for people to read. */
#ifndef TLS_TLS_PEER_CHAIN_H
#define TLS_TLS_PEER_CHAIN_H

#include "base/strbuf.h"

struct tls_session;

/* Append, of each certificate, subject, issuer, fingerprints and PEM text; nothing when T resumes
 * an older session. The handshake is over. */
void tls_peer_chain_print(const struct tls_session *t, struct strbuf *out);

#endif
