/*
 * tls_context: what servers and clients have in common: OpenSSL's context, certificates of their
 * own, authorities, and what the sessions on both sides do alike.
 */
#ifndef TLS_TLS_CONTEXT_H
#define TLS_TLS_CONTEXT_H

#include "base/err.h"

struct evp_md_st;
struct ssl_ctx_st;
struct ssl_method_st;
struct strbuf;
struct tls_resume;
struct tls_session;

struct tls_context {
    const char *call; /* in log lines: "SSL_accept" */
    struct ssl_ctx_st *ctx;
    struct evp_md_st *fingerprint;
    struct tls_resume *resume; /* of a server; NULL: none */
    bool asks_for_certificates;
    int verify_depth;
    int64_t traced_from_ms, traced; /* tls_trace_rate_limit: since when how many were traced */
    const char *cipher_list;        /* that of all sessions; NULL: each has its own */
    /* The handshake is over, the session's info read: what else is there to know? */
    void (*on_done)(struct tls_session *t);
};

/* Files named in main.cf; "" for none. Certificates: the chain files, or pairs of certificate and
 * key; see tls_chain.h. */
struct tls_files {
    const char *chain_files;
    const char *cert_file, *key_file, *eccert_file, *eckey_file, *dcert_file, *dkey_file;
    const char *CAfile, *CApath;
};

/* Start OpenSSL and fill CTX and FINGERPRINT. DIGEST makes the fingerprints of certificates. Here
 * and below PROBLEMS gets lines to be logged. */
bool tls_context_set_up(struct tls_context *c, const struct ssl_method_st *method,
                        const char *digest, struct strbuf *problems, struct err *err);
void tls_context_done(struct tls_context *c);
/* No certificate at all is fine here. */
bool tls_context_load_certificates(struct tls_context *c, const struct tls_files *files,
                                   struct strbuf *problems, struct err *err);
bool tls_context_load_authorities(struct tls_context *c, const struct tls_files *files,
                                  struct err *err);

#endif
