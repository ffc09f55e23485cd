/* virtual_mailbox: one recipient of a virtual mailbox domain. */
#ifndef VIRTUAL_VIRTUAL_MAILBOX_H
#define VIRTUAL_VIRTUAL_MAILBOX_H

#include "base/argv.h"
#include "delivery/delivery.h"

bool virtual_mailbox_start(struct err *err); /* opens the tables */
bool virtual_mailbox_has_changed(void);
/* Deliver, and settle the recipient. SEEN: the Delivered-To addresses of the message. */
void virtual_mailbox(struct delivery_job *job, struct recipient *rcpt, const struct argv *seen);

#endif
