/*
 * flush_client: asynchronous questions to flush(8), for those who defer mail and for ETRN.
 */
#ifndef MAIL_FLUSH_CLIENT_H
#define MAIL_FLUSH_CLIENT_H

#include "ipc/client.h"
#include "mail/flush_msg.h"
#include "map/match_list.h"

struct flush_client; /* one a process */

/* PATH: "public/flush". ELIGIBLE: fast_flush_domains, the caller's; NULL: no domain is. */
struct flush_client *flush_client_new(struct loop *loop, const char *path, int64_t timeout_ms,
                                      struct match_list *eligible);
void flush_client_free(struct flush_client *client); /* cancels what is pending */

/* Message QUEUE_ID was deferred for RECIPIENT. Only an eligible domain costs anything. Nobody
 * waits for the answer: a lost one costs that ETRN does not speed the message up. */
void flush_client_add(struct flush_client *client, const char *recipient, const char *queue_id);

/* ERR is set when the service could not be asked (RESULT is FLUSH_FAILED then). The call is over;
 * forget the pointer. Never called from inside the functions below. */
typedef void (*flush_fn)(void *owner, enum flush_result result, const struct err *err);
struct flush_call *flush_client_send_site(struct flush_client *client, const char *site,
                                          flush_fn fn, void *owner);
void flush_call_cancel(struct flush_call *call); /* NULL is fine; FN will not be called */

#endif
