/*
 * delivered_to: where a message has been, from its Delivered-To: headers; the way mail loops
 * between mailboxes are found.
 */
#ifndef DELIVERY_DELIVERED_TO_H
#define DELIVERY_DELIVERED_TO_H

#include "base/argv.h"
#include "base/err.h"

#include <sys/types.h>

/* Add the addresses, internal form, of the message in queue file FD. False: it cannot be read. */
bool delivered_to_collect(int fd, off_t data_offset, struct argv *found, struct err *err);
/* Is ADDRESS among them, whatever its case? */
bool delivered_to_has(const struct argv *found, const char *address);

#endif
