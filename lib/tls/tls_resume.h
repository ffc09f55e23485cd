/*
 * tls_resume: going on with an older session, whichever process of whichever start made it: by a
 * ticket, whose keys tlsmgr has (RFC 5077, RFC 8446), or by an id under which tlsmgr has the
 * session.
 *
 * A handshake never blocks: it stands still after the client's first message while tlsmgr is asked.
 * When tlsmgr does not answer, sessions are not resumed and nothing else changes.
 */
#ifndef TLS_TLS_RESUME_H
#define TLS_TLS_RESUME_H

#include "base/strbuf.h"
#include "io/loop.h"

struct ssl_ctx_st;
struct tls_session;
struct tls_resume;

struct tls_resume_settings {
    const char *tlsmgr;        /* path of its socket */
    const char *cache;         /* "smtpd" */
    const char *service;       /* in master.cf: other services' sessions are not for us */
    const char *ticket_cipher; /* "": no tickets */
    const void *context;       /* sessions are for those servers only that have the same */
    size_t context_size;
    int64_t seed_size; /* bytes of randomness to get from tlsmgr at start */
    bool always_gives_ids;
};

/* Set up CTX. PROBLEMS gets lines to be logged. */
struct tls_resume *tls_resume_new(struct ssl_ctx_st *ctx,
                                  const struct tls_resume_settings *settings,
                                  struct strbuf *problems);
void tls_resume_free(struct tls_resume *resume); /* NULL is fine */
/* In the jail: from now on tlsmgr is asked. ON_PROBLEM gets texts to be logged, now and then. */
void tls_resume_start(struct tls_resume *resume, struct loop *loop,
                      void (*on_problem)(const char *text));

/* A handshake that ends, maybe while it waits. */
void tls_resume_cancel(struct tls_resume *resume, struct tls_session *t);

#endif
