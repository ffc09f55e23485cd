/*
 * bounce_client: the services bounce, defer and trace for those who ask them; the questions are in
 * bounce_msg.h.
 */
#ifndef MAIL_BOUNCE_CLIENT_H
#define MAIL_BOUNCE_CLIENT_H

#include "ipc/client.h"
#include "mail/bounce_msg.h"

enum bounce_service { BOUNCE_SERVICE, DEFER_SERVICE, TRACE_SERVICE, BOUNCE_SERVICES };

const char *bounce_client_name(enum bounce_service service); /* as main.cf calls it */
/* OPTIONS but for the path. */
struct client *bounce_client_new(struct loop *loop, enum bounce_service service,
                                 struct client_options options);
/* What a call_fn was given: did the service do it? WHY says why not. */
bool bounce_client_answer(uint16_t kind, struct slice body, const struct err *err, struct err *why);

#endif
