/*
 * peer_name: the name of a client's address, and whether the name leads back to it.
 *
 * Resolvers block: peer_name_find() runs in a worker thread.
 */
#ifndef MAIL_PEER_NAME_H
#define MAIL_PEER_NAME_H

#include "base/base.h"

#include <netdb.h>
#include <sys/socket.h>

struct peer_name {
    struct sockaddr_storage address;
    socklen_t length;
    char text[64]; /* the address */
    char name[NI_MAXHOST];
    char error[400]; /* what is odd, for programs to log; "" */
    bool found, confirmed, temporary;
};

bool peer_name_init(struct peer_name *p, const char *address, int port); /* false: not numeric */
void peer_name_find(struct peer_name *p);

#endif
