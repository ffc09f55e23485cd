/*
 * milter_dial: a connection to a milter's endpoint, made without waiting.
 *
 * A host name is resolved by a thread; its addresses are tried one after the other.
 */
#ifndef MILTER_MILTER_DIAL_H
#define MILTER_MILTER_DIAL_H

#include "base/err.h"
#include "io/loop.h"
#include "io/work.h"

struct milter_dial;

/* FD >= 0 is the owner's, connected; else ERR says why not. Never called from inside
 * milter_dial_start(). The dial is over then; forget the pointer. */
typedef void (*milter_dial_fn)(void *owner, int fd, const struct err *err);
/* ENDPOINT: "inet:host:port" or "unix:path" (relative to the working directory). */
struct milter_dial *milter_dial_start(struct loop *loop, struct work_pool *pool,
                                      const char *endpoint, milter_dial_fn fn, void *owner);
void milter_dial_cancel(struct milter_dial *dial); /* NULL is fine */

#endif
