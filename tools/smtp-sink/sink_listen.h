/* sink_listen: the sockets that an endpoint such as inet:host:port or unix:path stands for. */
#ifndef SINK_LISTEN_H
#define SINK_LISTEN_H

#include "tools/smtp-sink/sink_options.h"

enum { SINK_LISTEN_MAX = 16 };

/* Open them all, listening; fatal when none can be had. Returns how many. */
size_t sink_listen(const struct sink_options *options, int fds[SINK_LISTEN_MAX]);

#endif
