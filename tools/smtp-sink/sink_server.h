/* sink_server: accepts clients and moves bytes between them and their sessions. */
#ifndef SINK_SERVER_H
#define SINK_SERVER_H

#include "tools/smtp-sink/sink_options.h"

/* Serve until a quit count is reached, or for ever. */
void sink_server_run(const struct sink_options *options, const int *fds, size_t count);

#endif
