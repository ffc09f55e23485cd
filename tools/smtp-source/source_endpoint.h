/* source_endpoint: the addresses that [inet:]host[:port] or unix:path stands for. */
#ifndef SOURCE_ENDPOINT_H
#define SOURCE_ENDPOINT_H

#include "tools/smtp-source/source_options.h"

#include <sys/socket.h>

enum { SOURCE_ADDRESSES = 8 };

struct source_endpoint {
    struct {
        struct sockaddr_storage address;
        socklen_t len;
    } at[SOURCE_ADDRESSES];
    size_t count; /* at least one */
};

void source_endpoint_find(const struct source_options *options, struct source_endpoint *ret);

#endif
