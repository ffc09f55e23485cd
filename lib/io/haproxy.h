/*
 * haproxy: the PROXY protocol, versions 1 (text) and 2 (binary), in which a load balancer says for
 * whom it connects (haproxy's doc/proxy-protocol.txt).
 *
 * The header is read to its last byte and no further: what follows it may be the beginning of a TLS
 * handshake, or be meant for the process that the descriptor is passed to.
 */
#ifndef IO_HAPROXY_H
#define IO_HAPROXY_H

#include "base/slice.h"

/* Longest header taken, as in Postfix; longer TLVs of version 2 are refused. */
enum { HAPROXY_HEADER_MAX = 536, HAPROXY_ADDRESS_MAX = 46 };

/* The address families (inet_protocols) that addresses may be of. */
enum haproxy_families { HAPROXY_IPV4 = 1 << 0, HAPROXY_IPV6 = 1 << 1 };

struct haproxy_peers {
    /* False: the balancer speaks for itself (LOCAL, a health check): the socket's addresses hold,
     * and nothing below is set. */
    bool is_proxied;
    char client_address[HAPROXY_ADDRESS_MAX], server_address[HAPROXY_ADDRESS_MAX];
    uint16_t client_port, server_port;
    int family; /* of the client's address, AF_INET for an IPv4-mapped one */
};

enum haproxy_status { HAPROXY_READY, HAPROXY_MORE, HAPROXY_BAD };

/* Parse the header at the front of IN. READY: RET is filled in, *RET_SIZE is the header's length.
 * MORE: IN ends within it (never when AT_END). BAD: *RET_WHY has the reason, in Postfix's words. */
enum haproxy_status haproxy_parse(struct slice in, bool at_end, unsigned families,
                                  struct haproxy_peers *ret, size_t *ret_size,
                                  const char **ret_why);

struct haproxy_reader {
    char bytes[HAPROXY_HEADER_MAX];
    size_t size;
};

/* Read more of the header from FD (non-blocking). MORE: wait until FD is readable again. What was
 * read stays in READER for log lines; all zero is its start. */
enum haproxy_status haproxy_read(struct haproxy_reader *reader, int fd, unsigned families,
                                 struct haproxy_peers *ret, const char **ret_why);

#endif
