/* tls_trace: what is logged of a session from level 2 on: the steps of the handshake, the peer's
 * certificate, and at the levels 3 and 4 the bytes on the wire, of the handshake or of all. */
#ifndef TLS_TLS_TRACE_H
#define TLS_TLS_TRACE_H

#include "base/strbuf.h"

/* smtpd_tls_loglevel and its like: 0 to 4. Words are those of Postfix, where some turn on one
 * aspect only; here they are the level that has it. PROBLEMS gets a line about a word that is not
 * known; NAME is the parameter. */
int tls_trace_level(const char *name, const char *text, struct strbuf *problems);

struct tls_session;
struct x509_store_ctx_st;

/* The level of one more session of C, which may have LEVEL: 2 for what comes on top of
 * tls_trace_rate_limit. */
struct tls_context;
int tls_trace_admit(struct tls_context *c, int level);
void tls_trace_begin(struct tls_session *t);
/* The handshake is over, and T's info known. */
void tls_trace_end(struct tls_session *t);
/* OpenSSL has looked at one certificate of the peer's chain. */
void tls_trace_certificate(struct tls_session *t, int ok, struct x509_store_ctx_st *store);

/* Append lines: offset, 16 bytes in hexadecimal and as text; blanks and NULs at the end left out.
 */
void tls_trace_dump(struct slice data, struct strbuf *out);

#endif
