/* delivery_log: the status line of a recipient; qmgr writes it too, for what it settles itself. */
#ifndef DELIVERY_LOG_H
#define DELIVERY_LOG_H

#include "delivery/delivery.h"

/* STATUS is sent, deferred, bounced, ...; DONE_US when the outcome was known, wall clock. */
void delivery_log_outcome(const struct delivery_job *job, const struct recipient *rcpt,
                          const struct delivery_outcome *o, const char *status, int64_t done_us);
/* ADDRESS between < and > in the form of info_log_address_format. */
void delivery_log_address(const char *address, struct strbuf *out);
int64_t delivery_wall_us(void);

#endif
