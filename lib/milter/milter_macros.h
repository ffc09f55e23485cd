/*
 * milter_macros: which values go to a milter with a command, and where they come from.
 */
#ifndef MILTER_MILTER_MACROS_H
#define MILTER_MILTER_MACROS_H

#include "base/strbuf.h"

/* The value of macro NAME ("i", "{mail_addr}"), NULL when it has none now. VALUE is memory for a
 * text that has to be made. */
typedef const char *(*milter_macro_fn)(void *ctx, struct slice name, struct strbuf *value);

/* The names main.cf has for COMMAND; "" for none. */
const char *milter_macros_default(int command);
/* The data of a MILTER_MACROS packet: COMMAND, then name and value of each of NAMES that has a
 * value, in LOOKUP or in milter_macro_defaults. */
void milter_macros_add(struct strbuf *out, int command, struct slice names, milter_macro_fn lookup,
                       void *ctx);

#endif
