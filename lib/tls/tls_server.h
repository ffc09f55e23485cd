/*
 * tls_server: what all TLS sessions of a server share: certificates, ciphers, protocols, and how
 * clients are asked for certificates. RFC 3207, RFC 8446.
 */
#ifndef TLS_TLS_SERVER_H
#define TLS_TLS_SERVER_H

#include "tls/tls_context.h"

struct loop;
struct maps;
struct strbuf;

struct tls_server_settings {
    struct tls_files files;
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
    struct tls_context base;
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
