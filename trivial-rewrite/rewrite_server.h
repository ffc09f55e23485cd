/* rewrite_server: one connection of a program that asks; questions are answered in their order. */
#ifndef TRIVIAL_REWRITE_REWRITE_SERVER_H
#define TRIVIAL_REWRITE_REWRITE_SERVER_H

#include "io/loop.h"
#include "mail/resolve.h"
#include "mail/rewrite.h"

struct rewrite_service {
    struct loop *loop;
    struct resolver *resolver;
    struct rewrite_rules rules;
    void (*on_done)(void); /* a connection was closed */
};

/* SERVICE must outlive the connection. */
void rewrite_server_accept(const struct rewrite_service *service, int fd);
void rewrite_server_close_all(void);

#endif
