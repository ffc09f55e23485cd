/* verify_server: questions and outcomes over connections; decides when an address is probed. */
#ifndef VERIFY_VERIFY_SERVER_H
#define VERIFY_VERIFY_SERVER_H

#include "io/loop.h"
#include "verify/verify_cache.h"

/* CACHE stays the caller's. */
void verify_server_start(struct loop *loop, struct verify_cache *cache);
void verify_server_accept(int fd, void (*on_done)(void));
/* Has an entry of the cache outlived its use? */
bool verify_server_is_dead(const struct verify_entry *e);

#endif
