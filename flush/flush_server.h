/* flush_server: questions over public/flush (lib/mail/flush_msg.h). */
#ifndef FLUSH_FLUSH_SERVER_H
#define FLUSH_FLUSH_SERVER_H

#include "io/loop.h"

void flush_server_open_tables(void); /* fast_flush_domains */
bool flush_server_has_stale_tables(void);
/* Takes FD over; ON_DONE when the client is gone. */
void flush_server_accept(struct loop *loop, int fd, void (*on_done)(void));

#endif
