/* sink_qmqp: the server of qmqp-sink(1). */
#ifndef SINK_QMQP_H
#define SINK_QMQP_H

#include "tools/smtp-sink/sink_options.h"

/* Serve clients of the listening sockets; returns after options->end_s seconds, or never. */
void sink_qmqp_run(const struct sink_options *options, const int *fds, size_t count);

#endif
