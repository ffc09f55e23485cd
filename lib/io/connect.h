/*
 * connect: connections to servers named in a configuration, for event-driven programs; talk.h has
 * the blocking kind.
 *
 * ENDPOINT: "inet:host:port", "inet:[2001:db8::1]:port" or "unix:path" ("local:path"). Names are
 * resolved by a thread of POOL, numeric addresses at once; all addresses are tried in turn.
 */
#ifndef IO_CONNECT_H
#define IO_CONNECT_H

#include "base/err.h"
#include "io/loop.h"
#include "io/work.h"

struct connect; /* one attempt */

/* The descriptor (connected, non-blocking, now the owner's), or -1 and ERR, whose reason is what
 * the system says and names no endpoint. The attempt is over then. */
typedef void (*connect_fn)(void *owner, int fd, const struct err *err);

/* Is ENDPOINT well-formed? */
bool connect_check(const char *endpoint, struct err *err);
/* FN is never called from inside this call. */
struct connect *connect_start(struct loop *loop, struct work_pool *pool, const char *endpoint,
                              int64_t timeout_ms, connect_fn fn, void *owner);
void connect_cancel(struct connect *c); /* NULL is fine; FN will not be called */

#endif
