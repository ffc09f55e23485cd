/* pickup_message: one file of maildrop/ on its way through cleanup. */
#ifndef PICKUP_PICKUP_MESSAGE_H
#define PICKUP_PICKUP_MESSAGE_H

#include "mail/cleanup_client.h"

/* Start with maildrop/NAME; false when it is not ready or not for us. When it is settled,
 * pickup_scan_settled(NAME) is called. */
bool pickup_message_start(struct cleanup_client *cleanup, const char *name);

#endif
