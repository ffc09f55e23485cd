/*
 * rewrite_client: questions for trivial-rewrite, asynchronously, over pooled connections.
 *
 * For programs that must not open the tables; the others call rewrite_address() and
 * resolve_address() themselves.
 */
#ifndef MAIL_REWRITE_CLIENT_H
#define MAIL_REWRITE_CLIENT_H

#include "io/loop.h"
#include "mail/resolve.h"
#include "mail/rewrite.h"

struct rewrite_client; /* one a process */
struct rewrite_call;   /* one a question */

struct rewrite_client *rewrite_client_new(struct loop *loop, const char *path, int64_t timeout_ms);
void rewrite_client_free(struct rewrite_client *client); /* pending questions are not answered */

/* ADDRESS, or REPLY, is NULL when there is no answer: a temporary error, ERR tells why. The texts
 * are valid during the call. Called once, never from inside the question. */
typedef void (*rewrite_client_fn)(void *owner, const char *address, const struct err *err);
typedef void (*resolve_client_fn)(void *owner, const struct resolve_reply *reply,
                                  const struct err *err);
struct rewrite_call *rewrite_client_rewrite(struct rewrite_client *client,
                                            enum rewrite_context context, const char *address,
                                            rewrite_client_fn fn, void *owner);
struct rewrite_call *rewrite_client_resolve(struct rewrite_client *client, enum resolve_use use,
                                            const char *sender, const char *address,
                                            resolve_client_fn fn, void *owner);
void rewrite_client_cancel(struct rewrite_call *call); /* NULL is fine; FN will not be called */

#endif
