/* map_net: see the header. */
#include "map/map_net.h"

#include "base/num.h"

#include <arpa/inet.h>

bool map_net_parse_address(struct slice text, struct map_net *ret)
{
    char copy[INET6_ADDRSTRLEN];
    struct map_net net = {0};
    if (text.len >= sizeof copy || slice_has_nul(text))
        return false;
    memcpy(copy, text.s, text.len);
    copy[text.len] = 0;
    if (inet_pton(AF_INET, copy, net.bytes) == 1)
        net.size = 4;
    else if (inet_pton(AF_INET6, copy, net.bytes) == 1)
        net.size = 16;
    else
        return false;
    net.bits = net.size * 8U;
    *ret = net;
    return true;
}

/* The bits of byte I that belong to the prefix. */
static uint8_t prefix_mask(const struct map_net *net, size_t i)
{
    if (net->bits >= 8 * (i + 1))
        return 0xff;
    if (net->bits <= 8 * i)
        return 0;
    return (uint8_t)(0xff << (8 - (net->bits - 8 * i)));
}

void map_net_cut(struct map_net *net, unsigned bits)
{
    net->bits = bits;
    for (size_t i = 0; i < net->size; i++)
        net->bytes[i] &= prefix_mask(net, i);
}

static bool host_bits_are_zero(const struct map_net *net, struct slice text, struct strbuf *problem)
{
    struct map_net clean = *net;
    map_net_cut(&clean, net->bits);
    if (memcmp(clean.bytes, net->bytes, sizeof clean.bytes) == 0)
        return true;
    char name[INET6_ADDRSTRLEN] = "";
    inet_ntop(net->size == 4 ? AF_INET : AF_INET6, clean.bytes, name, sizeof name);
    strbuf_addf(problem,
                "non-null host address bits in \"%.*s\", perhaps you should use \"%s/%u\" instead",
                SLICE_ARG(text), name, net->bits);
    return false;
}

bool map_net_parse(struct slice text, struct map_net *ret, struct strbuf *problem)
{
    struct slice all = text, address, length;
    if (all.len > 1 && all.s[0] == '[' && all.s[all.len - 1] == ']')
        all = slice_from(slice_first(all, all.len - 1), 1); /* [net/len] */
    bool has_length = slice_split(all, '/', &address, &length);
    if (!has_length)
        address = all;
    if (address.len > 1 && address.s[0] == '[' && address.s[address.len - 1] == ']')
        address = slice_from(slice_first(address, address.len - 1), 1); /* [net]/len */

    struct map_net net;
    uint64_t bits = 0;
    if (has_length && !num_parse_u64(length, 10, &bits)) {
        strbuf_addf(problem, "bad mask value in \"%.*s\"", SLICE_ARG(text));
        return false;
    }
    if (!map_net_parse_address(address, &net)) {
        strbuf_addf(problem, "bad address pattern: \"%.*s\"", SLICE_ARG(text));
        return false;
    }
    if (has_length) {
        if (bits > (uint64_t)net.size * 8) {
            strbuf_addf(problem, "bad mask length in \"%.*s\"", SLICE_ARG(text));
            return false;
        }
        net.bits = (unsigned)bits;
        if (!host_bits_are_zero(&net, text, problem))
            return false;
    }
    *ret = net;
    return true;
}

bool map_net_contains(const struct map_net *net, const struct map_net *address)
{
    if (net->size != address->size)
        return false;
    for (size_t i = 0; i < net->size; i++)
        if ((net->bytes[i] ^ address->bytes[i]) & prefix_mask(net, i))
            return false;
    return true;
}
