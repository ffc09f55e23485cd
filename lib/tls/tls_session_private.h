/* What the parts of a TLS session know of it: its handshake (tls_session.c), going on with an older
 * session (tls_resume.c), the name it is for (tls_sni.c), its trace (tls_trace.c). */
#ifndef TLS_TLS_SESSION_PRIVATE_H
#define TLS_TLS_SESSION_PRIVATE_H

#include "ipc/client.h"
#include "tls/tls_session.h"

struct tls_context;
struct tls_expect;
struct ssl_st;
struct ssl_session_st;

/* What a handshake waits for: an answer of tlsmgr. */
struct tls_resume_wait {
    struct call *call; /* about a session */
    bool for_state;    /* waits for what all handshakes of the process need: in the list */
    bool state_asked, session_asked;
    struct ssl_session_st *found;
    struct tls_session *prev, *next;
};

struct tls_session {
    struct ssl_st *ssl;
    struct tls_context *context;
    const struct tls_session_events *events;
    void *owner;
    struct tls_info info;
    struct loop *loop;
    struct stream *stream;
    struct later tell; /* on_ready comes when no function of the stream is on the stack */
    struct tls_resume_wait wait;
    char *peer; /* in log lines */
    int loglevel;
    int match_level;           /* from which on it is noted what has matched */
    int cache_level;           /* and what becomes of older sessions */
    char *sni;                 /* the name that a table of tls_server_sni_maps has; NULL: none */
    int64_t trace_left;        /* bytes that may still be dumped to the log */
    struct tls_expect *expect; /* of a client: tls_client.c */
    bool used_ticket;
    bool is_over_rate; /* it is not traced, see tls_trace_admit() */
    bool is_done, is_ready, has_failed, wants_write, goes_on;
};

/* A session of CONTEXT, neither side yet; NULL: OpenSSL has no memory. */
struct tls_session *tls_session_new(struct tls_context *context, struct loop *loop, int fd,
                                    const struct tls_session_options *options,
                                    const struct tls_session_events *events, void *owner);
/* A line to be logged, if the session's level is LEVEL or more; 0: a warning. */
void tls_session_note(struct tls_session *t, int level, const char *fmt, ...) PRINTF(3, 4);
/* The handshake stands still until tls_session_go_on(). */
void tls_session_hold(struct tls_session *t);
void tls_session_go_on(struct tls_session *t);

#endif
