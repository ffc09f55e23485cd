/* cleanup_bounce: asking bounce(8) for reports on a message that never gets into the queue. */
#ifndef CLEANUP_CLEANUP_BOUNCE_H
#define CLEANUP_CLEANUP_BOUNCE_H

#include "cleanup/cleanup_message.h"
#include "io/loop.h"

typedef void (*cleanup_bounce_fn)(void *arg, bool ok);

void cleanup_bounce_start(struct loop *loop);
void cleanup_bounce_stop(void);

/* Return the message to its sender for the reason in its status. The file must be written. */
void cleanup_bounce(struct cleanup_message *m, cleanup_bounce_fn done, void *arg);
/* Report the aliases that were expanded to a sender who asked for success notices. */
void cleanup_bounce_trace(struct cleanup_message *m, cleanup_bounce_fn done, void *arg);

#endif
