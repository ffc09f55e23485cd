/*
 * client: questions to another service, over connections kept open for the next question.
 *
 * One connection carries one question at a time; idle ones are pooled. A connection that closes
 * while idle is forgotten; one that closes before any part of the answer came is tried once more on
 * a fresh connection (the service may have retired in between: questions must be safe to repeat,
 * which holds for look-ups; for updates set NO_RETRY).
 */
#ifndef IPC_CLIENT_H
#define IPC_CLIENT_H

#include "ipc/chan.h"

struct client;
struct call;

struct client_options {
    const char *path;    /* "private/anvil", relative to the queue directory; copied */
    int64_t timeout_ms;  /* for one answer */
    size_t max_idle;     /* idle connections kept */
    int64_t max_idle_ms; /* closed after this long without use */
    int64_t max_age_ms;  /* closed at the end of an answer when it is this old; 0: never for that */
    bool no_retry;
};

struct client *client_new(struct loop *loop, const struct client_options *options);
void client_free(struct client *client); /* cancels what is pending */

/* The answer: KIND and BODY (valid during the call), or BODY.s NULL and ERR set. Called once, never
 * from inside client_call(). The call is over then; forget the pointer. */
typedef void (*call_fn)(void *owner, uint16_t kind, struct slice body, const struct err *err);
struct call *client_call(struct client *client, uint16_t kind, const struct msg_type *type,
                         const void *object, call_fn fn, void *owner);
void call_cancel(struct call *call); /* NULL is fine; FN will not be called */

#endif
