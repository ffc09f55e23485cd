#include "config/own_networks.h"

#include "base/argv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <sys/socket.h>

enum style { STYLE_CLASS, STYLE_SUBNET, STYLE_HOST };

struct wanted {
    enum style style;
    bool ipv4, ipv6, all, loopback_only;
    struct addrinfo *addresses; /* of inet_interfaces when it is a list of names */
};

static bool parse_style(const char *text, enum style *ret_style, struct err *err)
{
    static const char *const words[] = {
        [STYLE_CLASS] = "class", [STYLE_SUBNET] = "subnet", [STYLE_HOST] = "host"};
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (strcmp(text, words[i]) == 0) {
            *ret_style = (enum style)i;
            return true;
        }
    }
    return err_set(err, ERR_CONFIG, "unknown mynetworks_style value: %s", text);
}

static bool parse_protocols(const char *text, struct wanted *wanted, struct err *err)
{
    struct slice in = slice_of(text), word;
    while (slice_next_item(&in, &word)) {
        bool all = slice_eq_nocase(word, "all");
        bool v4 = slice_eq_nocase(word, "ipv4"), v6 = slice_eq_nocase(word, "ipv6");
        if (!all && !v4 && !v6)
            return err_set(err, ERR_CONFIG, "inet_protocols: unknown protocol: \"%.*s\"",
                           SLICE_ARG(word));
        wanted->ipv4 |= all || v4;
        wanted->ipv6 |= all || v6;
    }
    if (!wanted->ipv4 && !wanted->ipv6)
        return err_set(err, ERR_CONFIG, "inet_protocols: no protocol");
    return true;
}

bool own_networks_uses(const char *protocols, bool ipv6)
{
    struct wanted wanted = {0};
    struct err err = ERR_INIT;
    (void)parse_protocols(protocols, &wanted, &err);
    return ipv6 ? wanted.ipv6 : wanted.ipv4;
}

/* A host name or an address, in [] or not, added to the list of addresses. */
static bool add_addresses(struct wanted *wanted, struct slice item, struct err *err)
{
    char host[256];
    if (item.len > 2 && item.s[0] == '[' && item.s[item.len - 1] == ']')
        item = slice_first(slice_from(item, 1), item.len - 2);
    if (item.len >= sizeof host)
        return err_set(err, ERR_CONFIG, "inet_interfaces: name too long");
    (void)snprintf(host, sizeof host, "%.*s", SLICE_ARG(item));
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    int problem = getaddrinfo(host, NULL, &hints, &found);
    if (problem != 0)
        return err_set(err, ERR_CONFIG, "config variable inet_interfaces: host not found: %s",
                       host);
    struct addrinfo **end = &wanted->addresses;
    while (*end)
        end = &(*end)->ai_next;
    *end = found;
    return true;
}

static bool parse_interfaces(const char *text, struct wanted *wanted, struct err *err)
{
    struct slice in = slice_of(text), item;
    while (slice_next_item(&in, &item)) {
        if (slice_eq_nocase(item, "all"))
            wanted->all = true;
        else if (slice_eq_nocase(item, "loopback-only"))
            wanted->loopback_only = true;
        else if (!add_addresses(wanted, item, err))
            return false;
    }
    return true;
}

/* The bytes of an IPv4 or IPv6 address; NULL for another family. */
static const unsigned char *address_bytes(const struct sockaddr *sa, size_t *ret_len)
{
    if (sa && sa->sa_family == AF_INET) {
        *ret_len = 4;
        return (const unsigned char *)&((const struct sockaddr_in *)(const void *)sa)->sin_addr;
    }
    if (sa && sa->sa_family == AF_INET6) {
        *ret_len = 16;
        return (const unsigned char *)&((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr;
    }
    return NULL;
}

static bool is_wanted(const struct wanted *wanted, const struct ifaddrs *interface,
                      const unsigned char *address, size_t len)
{
    if (!(interface->ifa_flags & IFF_UP) || !(len == 4 ? wanted->ipv4 : wanted->ipv6))
        return false;
    if (wanted->all || (wanted->loopback_only && (interface->ifa_flags & IFF_LOOPBACK)))
        return true;
    for (const struct addrinfo *a = wanted->addresses; a; a = a->ai_next) {
        size_t other_len;
        const unsigned char *other = address_bytes(a->ai_addr, &other_len);
        if (other && other_len == len && memcmp(other, address, len) == 0)
            return true;
    }
    return false;
}

static int prefix_length(const unsigned char *mask, size_t len)
{
    int bits = 0;
    for (size_t i = 0; i < len * 8 && (mask[i / 8] & (0x80 >> (i % 8))); i++)
        bits++;
    return bits;
}

/* Classes A, B, C and D of old; RFC 791 section 3.2. */
static int class_bits(unsigned char first)
{
    if (first < 128)
        return 8;
    if (first < 192)
        return 16;
    return first < 224 ? 24 : 4;
}

/* Add the network of ADDRESS, once. */
static void add_network(const struct ifaddrs *interface, enum style style,
                        const unsigned char *address, size_t len, struct argv *networks)
{
    unsigned char net[16];
    char text[INET6_ADDRSTRLEN];
    size_t mask_len;
    const unsigned char *mask = address_bytes(interface->ifa_netmask, &mask_len);
    int bits = (int)len * 8;
    if (style == STYLE_CLASS && len == 4)
        bits = class_bits(address[0]);
    else if (style != STYLE_HOST && mask)
        bits = prefix_length(mask, len);
    for (size_t i = 0; i < len; i++) {
        int left = MAX(bits - (int)i * 8, 0);
        net[i] = left >= 8 ? address[i] : address[i] & (unsigned char)(0xff00 >> left);
    }
    if (!inet_ntop(len == 4 ? AF_INET : AF_INET6, net, text, sizeof text))
        return;
    size_t before = networks->count;
    argv_addf(networks, len == 4 ? "%s/%d" : "[%s]/%d", text, bits);
    for (size_t i = 0; i < before; i++)
        if (strcmp(networks->at[i], networks->at[before]) == 0) {
            argv_truncate(networks, before);
            return;
        }
}

static bool list_networks(const struct wanted *wanted, struct strbuf *out, struct err *err)
{
    struct ifaddrs *interfaces;
    CLEANUP(argv_done) struct argv networks = ARGV_INIT;
    if (getifaddrs(&interfaces) < 0)
        return err_set(err, ERR_CONFIG, "network interfaces: %s", strerror(errno));
    for (size_t family_len = 4; family_len <= 16; family_len += 12) /* IPv4 first */
        for (const struct ifaddrs *i = interfaces; i; i = i->ifa_next) {
            size_t len;
            const unsigned char *address = address_bytes(i->ifa_addr, &len);
            if (address && len == family_len && is_wanted(wanted, i, address, len))
                add_network(i, wanted->style, address, len, &networks);
        }
    freeifaddrs(interfaces);
    for (size_t i = 0; i < networks.count; i++)
        strbuf_addf(out, "%s%s", i ? " " : "", networks.at[i]);
    return true;
}

bool own_networks(const char *style, const char *interfaces, const char *protocols,
                  struct strbuf *out, struct err *err)
{
    struct wanted wanted = {0};
    bool ok = parse_style(style, &wanted.style, err) && parse_protocols(protocols, &wanted, err) &&
              parse_interfaces(interfaces, &wanted, err) && list_networks(&wanted, out, err);
    if (wanted.addresses)
        freeaddrinfo(wanted.addresses);
    return ok;
}
