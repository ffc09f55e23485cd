/* delivery_flush: flush(8) hears of deferred recipients in fast_flush_domains. */
#ifndef DELIVERY_DELIVERY_FLUSH_H
#define DELIVERY_DELIVERY_FLUSH_H

#include "io/loop.h"
#include "mail/envelope.h"

void delivery_flush_open_list(void); /* before the jail */
bool delivery_flush_is_stale(void);
void delivery_flush_open(struct loop *loop);
/* RCPT of message QUEUE_ID was deferred. */
void delivery_flush_add(const char *queue_id, const struct recipient *rcpt);

#endif
