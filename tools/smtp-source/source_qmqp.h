/* source_qmqp: the one request of a QMQP session, and its answer (cr.yp.to/proto/qmqp.html). */
#ifndef SOURCE_QMQP_H
#define SOURCE_QMQP_H

#include "tools/smtp-source/source_options.h"

/* The message with its envelope, as a netstring of netstrings. */
void source_qmqp_request(const struct source_options *options, struct strbuf *out);
/* True when GOT is a whole answer, and a good one. False: more is to come. A refusal, or what is no
 * answer, ends the program. */
bool source_qmqp_answer(const struct source_options *options, struct slice got);

#endif
