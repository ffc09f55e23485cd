/* pipe_deliver: one order of qmgr: checks, the command, and what its end means for the recipients.
 */
#ifndef PIPE_PIPE_DELIVER_H
#define PIPE_PIPE_DELIVER_H

#include "delivery/delivery.h"
#include "pipe/pipe_attributes.h"

/* A must stay. Reads SERVICE_time_limit. */
bool pipe_deliver_start(struct config *cfg, const struct pipe_attributes *a, struct err *err);
void pipe_deliver(struct delivery_job *job);

#endif
