/*
 * tls_session: TLS on a stream. It becomes the stream's transport: the owner of the stream goes on
 * reading and writing plain text.
 */
#ifndef TLS_TLS_SESSION_H
#define TLS_TLS_SESSION_H

#include "base/err.h"
#include "io/stream.h"
#include "tls/tls_server.h"

struct tls_client;
struct tls_session;
struct tls_wants;

enum { TLS_DIGEST_MAX = 64, TLS_FINGERPRINT_SIZE = 3 * TLS_DIGEST_MAX };

struct tls_signature {
    char algorithm[64], digest[32]; /* "RSA-PSS (2048 bits)", "SHA256" */
};

/* Why the server is not whom the client expected. */
enum tls_fault {
    TLS_FAULT_NONE,
    TLS_FAULT_NAME,      /* its certificate is good, and another's */
    TLS_FAULT_EXPIRED,   /* or not valid yet: a certificate of the chain */
    TLS_FAULT_UNTRUSTED, /* nobody who is known has signed it */
    TLS_FAULT_OTHER,
};

/* What was agreed on, and with whom. Texts of the peer are printable ASCII; empty: unknown. */
struct tls_info {
    char protocol[16], cipher[64];
    int used_bits, algorithm_bits;
    char key_exchange[64]; /* "X25519", TLSv1.3 only, as the next ones */
    struct tls_signature server, client;
    const char *sni;  /* the name it asked for and got a certificate of its own for; NULL */
    bool was_offered; /* the client had an older session ... */
    bool is_resumed;  /* ... which is gone on with */
    bool was_asked, has_certificate, is_trusted; /* the peer's certificate */
    bool is_matched;                             /* it is what the client expected */
    bool is_fallback;         /* the client has stopped expecting: no TLSA record could be used */
    enum tls_fault fault;     /* unless it is matched, where something was expected */
    const char *fault_text;   /* in OpenSSL's words */
    const char *verify_error; /* why the certificate is not trusted, in OpenSSL's words */
    char subject_cn[256], issuer_cn[256];
    /* "AB:CD:...", of the certificate and of its public key */
    char fingerprint[TLS_FINGERPRINT_SIZE], key_fingerprint[TLS_FINGERPRINT_SIZE];
};

struct tls_session_options {
    const char *peer;   /* "name[address]", in log lines */
    int loglevel;       /* 0 to 4 */
    bool tells_match;   /* of a client: what has matched is noted at level 1, not only at 2 */
    bool tells_cache;   /* of a client: what becomes of older sessions is noted at level 1 */
    int64_t trace_size; /* most bytes to be dumped at the levels 3 and 4; 0: no limit */
};

struct tls_session_events {
    /* The handshake is over; INFO lives as long as the stream. */
    void (*on_ready)(void *owner, const struct tls_info *info);
    /* It failed; REASON as Postfix logs it ("-1", "lost connection"), LIBRARY_ERRORS a line each.
     * on_closed of the stream follows. */
    void (*on_failed)(void *owner, const char *reason, const char *library_errors);
    /* A line to be logged. */
    void (*on_note)(void *owner, bool is_warning, const char *line);
};

/* A session on FD, the descriptor of a stream, that will be the server of the handshake. EVENTS
 * must outlive it. NULL: OpenSSL has no memory. */
struct tls_session *tls_session_new_server(struct tls_server *server, struct loop *loop, int fd,
                                           const struct tls_session_options *options,
                                           const struct tls_session_events *events, void *owner);
/* The same for the client, which WANTS something of the server. NULL: WANTS makes no sense, or
 * OpenSSL has no memory; ERR has a line to be logged. */
struct tls_session *tls_session_new_client(struct tls_client *client, const struct tls_wants *wants,
                                           struct loop *loop, int fd,
                                           const struct tls_session_options *options,
                                           const struct tls_session_events *events, void *owner,
                                           struct err *err);
/* Before it is begun; later the stream does it. NULL is fine. */
void tls_session_free(struct tls_session *t);
/* Begin the handshake on S, which owns T from now on. Its output has to be written, and its input
 * is thrown away: what the peer sent before the handshake is not protected. False: output is left.
 */
bool tls_session_begin(struct tls_session *t, struct stream *s);
/* The owner of the events goes, while the stream still has output: nothing more is told. NULL is
 * fine. */
void tls_session_detach(struct tls_session *t);

#endif
