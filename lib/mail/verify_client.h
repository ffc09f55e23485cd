/* verify_client: the service verify for those who ask it (smtpd) and tell it (delivery programs).
 */
#ifndef MAIL_VERIFY_CLIENT_H
#define MAIL_VERIFY_CLIENT_H

#include "ipc/client.h"
#include "mail/verify_msg.h"

/* OPTIONS but for the path. */
struct client *verify_client_new(struct loop *loop, struct client_options options);
/* What a call_fn was given, its texts in ARENA. False: the service did not answer, WHY says why. */
bool verify_client_answer(uint16_t kind, struct slice body, const struct err *err,
                          struct arena *arena, struct verify_status *ret, struct err *why);

#endif
