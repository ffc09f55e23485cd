/* postmap_message: a message on standard input whose headers and body lines are keys (-h, -b, -m).
 */
#ifndef POSTMAP_MESSAGE_H
#define POSTMAP_MESSAGE_H

#include "tools/postmap/postmap_options.h"

/* Call FN with each key in its order. */
void postmap_message_each_key(const struct postmap_options *options,
                              void (*fn)(void *ctx, const char *key), void *ctx);

#endif
