/*
 * tls_server: what all TLS sessions of a server share: certificates, ciphers, protocols, and how
 * clients are asked for certificates. RFC 3207, RFC 8446.
 */
#ifndef TLS_TLS_SERVER_H
#define TLS_TLS_SERVER_H

#include "base/err.h"

struct ssl_ctx_st;

struct tls_server_settings {
    /* certificates: the chain files, or pairs of certificate and key; see tls_chain.h */
    const char *chain_files;
    const char *cert_file, *key_file, *eccert_file, *eckey_file, *dcert_file, *dkey_file;
    const char *CAfile, *CApath;
    const char *protocols, *ciphers, *exclude_ciphers; /* as main.cf has them */
    bool ask_client_certificate, require_client_certificate;
    int verify_depth;
    int64_t ticket_lifetime; /* seconds a session can be resumed; 0: never */
};

struct tls_server {
    struct ssl_ctx_st *ctx;
    bool asks_for_certificates;
};

struct strbuf;

/* Reads the files: to be called before root is given up. NULL when there is no TLS to be had;
 * PROBLEMS gets lines to be logged that say why. */
struct tls_server *tls_server_new(const struct tls_server_settings *settings,
                                  struct strbuf *problems);
void tls_server_free(struct tls_server *server);

#endif
