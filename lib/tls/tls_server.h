/*
 * tls_server: what all TLS sessions of a server share: certificates, ciphers, protocols, and how
 * clients are asked for certificates. RFC 3207, RFC 8446.
 */
#ifndef TLS_TLS_SERVER_H
#define TLS_TLS_SERVER_H

#include "base/err.h"

struct evp_md_st;
struct loop;
struct maps;
struct ssl_ctx_st;
struct strbuf;
struct tls_resume;

struct tls_server_settings {
    /* certificates: the chain files, or pairs of certificate and key; see tls_chain.h */
    const char *chain_files;
    const char *cert_file, *key_file, *eccert_file, *eckey_file, *dcert_file, *dkey_file;
    const char *CAfile, *CApath;
    const char *protocols, *ciphers, *exclude_ciphers; /* as main.cf has them */
    bool ask_client_certificate, require_client_certificate;
    int verify_depth;
    const char *fingerprint_digest; /* of clients' certificates */
    const char *dh_param_file;      /* "": OpenSSL chooses */
    const char *service;            /* in master.cf */
    bool always_gives_session_ids;
    struct maps *sni_maps; /* tls_server_sni_maps; must outlive the server; NULL or empty: none */
};

struct tls_server {
    struct ssl_ctx_st *ctx;
    struct tls_resume *resume;
    bool asks_for_certificates;
    int verify_depth;
    struct evp_md_st *fingerprint;
    char *cipher_list;
};

/* Reads the files: to be called before root is given up. NULL when there is no TLS to be had;
 * PROBLEMS gets lines to be logged that say why. */
struct tls_server *tls_server_new(const struct tls_server_settings *settings,
                                  struct strbuf *problems);
/* In the jail: from now on sessions are resumed. ON_PROBLEM gets texts to be logged. */
void tls_server_start(struct tls_server *server, struct loop *loop,
                      void (*on_problem)(const char *text));
void tls_server_free(struct tls_server *server);

#endif
