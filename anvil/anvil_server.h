/* anvil_server: connections of the server processes that ask. */
#ifndef ANVIL_ANVIL_SERVER_H
#define ANVIL_ANVIL_SERVER_H

#include "anvil/anvil_table.h"
#include "io/loop.h"

/* Serve FD until it closes; then ON_DONE is called. */
void anvil_server_accept(struct loop *loop, struct anvil_table *table, int fd,
                         void (*on_done)(void));

#endif
