/* verify_probe: probe messages: mail without content that is never delivered. */
#ifndef VERIFY_VERIFY_PROBE_H
#define VERIFY_VERIFY_PROBE_H

#include "io/loop.h"

void verify_probe_start(struct loop *loop);
/* Send one to ADDRESS; what comes of it is told by whoever would deliver it. */
void verify_probe_send(const char *address);
void verify_probe_stop(void);

#endif
