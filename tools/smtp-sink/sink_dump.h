/* sink_dump: the capture file of one mail transaction (options -d and -D). */
#ifndef SINK_DUMP_H
#define SINK_DUMP_H

#include "base/argv.h"
#include "base/err.h"
#include "tools/smtp-sink/sink_options.h"

struct sink_dump;

/* What the headers of the file tell. HELO is NULL when the client sent none. */
struct sink_dump_facts {
    const char *address, *protocol, *helo, *mail_args;
    const struct argv *rcpt_args;
};

/* NULL with *err set when the file cannot be made. */
struct sink_dump *sink_dump_open(const struct sink_options *options,
                                 const struct sink_dump_facts *facts, struct err *err);
bool sink_dump_write(struct sink_dump *dump, struct slice text, struct err *err);
bool sink_dump_finish(struct sink_dump *dump, struct err *err); /* the message is complete; frees */
void sink_dump_cancel(struct sink_dump *dump);                  /* it never will be; frees */

#endif
