/* Headers of a load balancer: a good one lies within its bounds and names addresses. */
#include "io/haproxy.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = {(const char *)data, size};
    for (int at_end = 0; at_end < 2; at_end++) {
        struct haproxy_peers peers;
        size_t used;
        const char *why = NULL;
        enum haproxy_status status =
            haproxy_parse(in, at_end, HAPROXY_IPV4 | HAPROXY_IPV6, &peers, &used, &why);
        if (status == HAPROXY_READY && (used == 0 || used > size || used > HAPROXY_HEADER_MAX))
            abort();
        if (status == HAPROXY_READY && peers.is_proxied &&
            (!strpbrk(peers.client_address, ".:") || !strpbrk(peers.server_address, ".:")))
            abort();
        if (status == HAPROXY_MORE && (at_end || size >= HAPROXY_HEADER_MAX))
            abort();
        if (status == HAPROXY_BAD && !why)
            abort();
    }
    return 0;
}
