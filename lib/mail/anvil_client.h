/*
 * anvil_client: events for anvil and its counts, asynchronously, over one connection.
 *
 * When anvil does not answer, questions fail and the caller goes on without limits; the next
 * question tries a new connection.
 */
#ifndef MAIL_ANVIL_CLIENT_H
#define MAIL_ANVIL_CLIENT_H

#include "io/loop.h"
#include "mail/anvil_msg.h"

struct anvil_client; /* one a process */
struct anvil_call;   /* one a question */

struct anvil_client *anvil_client_new(struct loop *loop, const char *path, int64_t timeout_ms);
void anvil_client_free(struct anvil_client *client); /* pending questions are not answered */

/* COUNTS is NULL when anvil did not answer; ERR tells why. The call is over then. */
typedef void (*anvil_fn)(void *owner, const struct anvil_counts *counts, const struct err *err);
/* Never answered from inside this call. */
struct anvil_call *anvil_ask(struct anvil_client *client, enum anvil_kind kind, const char *service,
                             const char *address, anvil_fn fn, void *owner);
void anvil_cancel(struct anvil_call *call); /* NULL is fine; FN will not be called */
void anvil_tell_disconnect(struct anvil_client *client, const char *service, const char *address);

#endif
