/*
 * tls_client: what all TLS sessions of a client share, and what one of them wants of its server:
 * protocols, ciphers, a name in the certificate. The handshake succeeds with any certificate; what
 * it is worth is in the session's info (is_matched, is_trusted), for the caller to decide.
 */
#ifndef TLS_TLS_CLIENT_H
#define TLS_TLS_CLIENT_H

#include "tls/tls_context.h"
#include "tls/tls_dane.h"

struct loop;
struct tls_client_cache;
struct tls_session;

struct tls_client_settings {
    struct tls_files files;
    int verify_depth;
    const char *fingerprint_digest;
    const char *cache; /* of tlsmgr: "smtp" */
    bool keeps_any;    /* sessions, also of a server that is not the one expected: for a tool */
};

struct tls_client {
    struct tls_context base;
    struct tls_client_cache *cache;
};

struct tls_wants {
    const char *protocols, *ciphers, *exclude_ciphers; /* as main.cf has them */
    const char *server_name;                           /* for SNI; NULL: none is sent */
    /* Lists that end with NULL; NULL: any certificate will do. One of the names, ".test" for all
     * below test, has to be in a certificate that is trusted; or one of the fingerprints has to be
     * that of the certificate, or of its key, whoever signed it. */
    const char *const *names, *const *fingerprints;
    /* NULL: none. In the place of the authorities; with NAMES: those of a certificate that is not
     * in a record itself. */
    const struct tls_dane *dane;
    const char *cache_key; /* sessions to whom, and for what policy, may be gone on with */
};

/* As tls_server_new(): before root is given up, NULL when there is no TLS to be had. */
struct tls_client *tls_client_new(const struct tls_client_settings *settings,
                                  struct strbuf *problems);
void tls_client_start(struct tls_client *client, struct loop *loop); /* in the jail */
void tls_client_free(struct tls_client *client);
/* Has any server left a session in this process that may be gone on with? */
bool tls_client_has_sessions(const struct tls_client *client);

/* What a session of a client has of its own, when it is freed. */
void tls_client_forget(struct tls_session *t);

#endif
