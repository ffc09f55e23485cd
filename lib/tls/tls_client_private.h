/* What a client's session expects of its server, and what came of it. */
#ifndef TLS_TLS_CLIENT_PRIVATE_H
#define TLS_TLS_CLIENT_PRIVATE_H

#include "base/argv.h"
#include "tls/tls_client.h"

struct ssl_session_st;

struct tls_expect {
    struct tls_client *client;
    bool has_names;
    struct argv fingerprints; /* without colons */
    bool has_anchors;         /* of a file */
    bool was_offered;         /* an older session, to the server */
    bool is_fallback;         /* no TLSA record can be used, and any certificate will do */
    bool is_hopeless;         /* no TLSA record can be used, and one has to match */
    char *cache_key;
    /* What is wrong with the certificates: of those that have a fault the one nearest to the
     * server's own, and the first fault it has. */
    int error, error_depth;
    char issuer[256];
};

#endif
