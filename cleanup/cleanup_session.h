/* cleanup_session: one client's connection: messages one after the other. */
#ifndef CLEANUP_CLEANUP_SESSION_H
#define CLEANUP_CLEANUP_SESSION_H

void cleanup_session_start(int fd);
/* The process goes when its work is done: connections without a message are closed. */
void cleanup_session_retire(void);

#endif
