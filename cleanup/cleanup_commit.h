/* cleanup_commit: making a message durable, on threads of its own. */
#ifndef CLEANUP_CLEANUP_COMMIT_H
#define CLEANUP_CLEANUP_COMMIT_H

#include "cleanup/cleanup_message.h"
#include "io/loop.h"

void cleanup_commit_start(struct loop *loop);
void cleanup_commit_stop(void); /* waits for what is under way */

/* The message is complete; DONE is called later with its final status. M is then the caller's to
 * free: its file stays when the status is 0 and the message was not discarded. */
void cleanup_commit(struct cleanup_message *m, void (*done)(void *owner, struct cleanup_message *m),
                    void *owner);

#endif
