/* map_net: IP addresses and networks "192.0.2.0/24", "[2001:db8::]/32", "[192.0.2.0/24]". */
#ifndef MAP_MAP_NET_H
#define MAP_MAP_NET_H

#include "base/strbuf.h"

struct map_net {
    uint8_t size; /* of an address: 4 or 16 bytes; 0: not an address */
    uint8_t bytes[16];
    unsigned bits; /* length of the prefix */
};

/* A single address, all of its bits counting; no brackets. */
bool map_net_parse_address(struct slice text, struct map_net *ret);
/* False with what is wrong, a phrase that quotes TEXT. */
bool map_net_parse(struct slice text, struct map_net *ret, struct strbuf *problem);
bool map_net_contains(const struct map_net *net, const struct map_net *address);
/* Make NET's prefix BITS long, the bits behind it zero. */
void map_net_cut(struct map_net *net, unsigned bits);

#endif
