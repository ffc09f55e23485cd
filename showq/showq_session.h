/* showq_session: one listing of the whole queue, as fast as its reader takes it. */
#ifndef SHOWQ_SHOWQ_SESSION_H
#define SHOWQ_SHOWQ_SESSION_H

#include "io/loop.h"

/* Takes FD over; ON_DONE is called when the client is gone. */
void showq_session_start(struct loop *loop, int fd, void (*on_done)(void));

#endif
