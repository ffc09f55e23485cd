/* verify_sender: the sender of probe messages (address_verify_sender), which may change with time
 * so that those who collect addresses have no use of it. */
#ifndef MAIL_VERIFY_SENDER_H
#define MAIL_VERIFY_SENDER_H

#include "base/strbuf.h"

#include <time.h>

/* The sender at NOW: address_verify_sender, completed with $myorigin; "" for the null sender. */
void verify_sender_make(time_t now, struct strbuf *out);
/* Is LOCAL the local part of a probe's sender, now or a while ago? Mail to it is taken and thrown
 * away, as that to double_bounce_sender. */
bool verify_sender_has_local_part(time_t now, struct slice local);

#endif
