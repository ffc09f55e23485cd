/* cleanup_notify: telling qmgr of new mail, over one connection kept open. */
#ifndef CLEANUP_CLEANUP_NOTIFY_H
#define CLEANUP_CLEANUP_NOTIFY_H

#include "cleanup/cleanup_message.h"
#include "io/loop.h"

void cleanup_notify_start(struct loop *loop);
void cleanup_notify_stop(void);
/* Nothing is lost when qmgr is not there or does not keep up: it is told to look through incoming/
 * once it hears, and does so now and then. */
void cleanup_notify_arrived(const struct cleanup_message *m);

#endif
