/* source_text: the text of the messages, as it goes over the wire. */
#ifndef SOURCE_TEXT_H
#define SOURCE_TEXT_H

#include "tools/smtp-source/source_options.h"

/* The part that all messages share: the body, or with -F all of the file; dots stuffed. */
void source_text_body(const struct source_options *options, struct strbuf *out);
/* The header of one message; empty in old mode and with -F. */
void source_text_header(const struct source_options *options, int fd, unsigned number,
                        struct strbuf *out);

#endif
