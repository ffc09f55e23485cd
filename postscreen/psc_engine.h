/*
 * psc_engine: the built-in SMTP engine: talks SMTP with clients that have to take the tests after
 * the greeting, or have failed one before it. It accepts no mail.
 */
#ifndef POSTSCREEN_PSC_ENGINE_H
#define POSTSCREEN_PSC_ENGINE_H

#include "io/stream.h"

struct psc_session;
struct psc_tls;

struct psc_engine {
    struct psc_session *session;
    struct stream *stream; /* NULL: its descriptor is on the way to tlsproxy */
    struct psc_tls *tls;   /* asking for TLS; mostly NULL */
    const char *where;     /* the last command, for log lines */
    char *helo, *sender;   /* NULL: not said */
    bool is_esmtp, has_tls, closes;
    int64_t command_count;
    unsigned noted; /* failed tests that are logged already */
    unsigned ehlo_discard;
    struct strbuf line;  /* the command at hand */
    struct strbuf reply; /* text, before it is formatted */
};

/* Take the connection of S. */
void psc_engine_start(struct psc_session *s);
void psc_engine_free(struct psc_engine *e); /* NULL is fine */
/* Talk over FD from now on, which tlsproxy has at its other end. */
void psc_engine_resume(struct psc_engine *e, int fd);
/* The reply that a command did not give at once. False: the session is gone. */
bool psc_engine_answer(struct psc_engine *e, const char *reply);

#define PSC_PROTOCOL_ERROR "521 5.5.1 Protocol error"

/* Look for input that the client should have kept until it saw the reply, which is not yet written.
 * False: the client is to be dropped for it. */
bool psc_engine_is_in_step(struct psc_engine *e);
/* One command line: its reply, or NULL when that comes later. psc_commands.c */
const char *psc_command(struct psc_engine *e, struct slice line);

#endif
