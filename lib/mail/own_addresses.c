/* own_addresses: compared in the form that inet_ntop writes, so that spellings do not matter. */
#include "mail/own_addresses.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <sys/socket.h>

static void add_address(struct argv *list, const struct sockaddr *sa)
{
    char text[INET6_ADDRSTRLEN];
    const void *address = NULL;
    if (sa && sa->sa_family == AF_INET)
        address = &((const struct sockaddr_in *)sa)->sin_addr;
    else if (sa && sa->sa_family == AF_INET6)
        address = &((const struct sockaddr_in6 *)sa)->sin6_addr;
    if (address && inet_ntop(sa->sa_family, address, text, sizeof text) && !argv_has(list, text))
        argv_add(list, text);
}

static bool add_interfaces(struct argv *list, struct err *err)
{
    struct ifaddrs *interfaces;
    if (getifaddrs(&interfaces) < 0)
        return err_set(err, ERR_CONFIG, "cannot list network interfaces: %m");
    for (struct ifaddrs *i = interfaces; i; i = i->ifa_next)
        add_address(list, i->ifa_addr);
    freeifaddrs(interfaces);
    return true;
}

static bool add_name(struct argv *list, const char *parameter, const char *name, struct err *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    int status = getaddrinfo(name, NULL, &hints, &found);
    if (status != 0)
        return err_set(err, ERR_CONFIG, "parameter %s: no address for %s: %s", parameter, name,
                       gai_strerror(status));
    for (struct addrinfo *a = found; a; a = a->ai_next)
        add_address(list, a->ai_addr);
    freeaddrinfo(found);
    return true;
}

static bool add_list(struct argv *list, const char *parameter, const char *value, struct err *err)
{
    struct slice in = slice_of(value), item;
    while (slice_next_item(&in, &item)) {
        if (slice_eq_nocase(item, "all")) {
            if (!add_interfaces(list, err))
                return false;
            continue;
        }
        const char *name = slice_eq_nocase(item, "loopback-only") ? "localhost" : NULL;
        if (item.len > 2 && item.s[0] == '[')
            item = (struct slice){item.s + 1, item.len - 2};
        CLEANUP(strbuf_done) struct strbuf text = STRBUF_INIT(1024);
        strbuf_add_slice(&text, name ? slice_of(name) : item);
        if (!add_name(list, parameter, text.s, err))
            return false;
    }
    return true;
}

bool own_addresses_load(const char *inet_interfaces, const char *proxy_interfaces,
                        struct argv *ret_list, struct err *err)
{
    return add_list(ret_list, "inet_interfaces", inet_interfaces, err) &&
           add_list(ret_list, "proxy_interfaces", proxy_interfaces, err);
}

bool own_addresses_has(const struct argv *list, struct slice literal)
{
    char text[INET6_ADDRSTRLEN];
    unsigned char binary[sizeof(struct in6_addr)];
    if (literal.len < 2 || literal.s[0] != '[' || literal.s[literal.len - 1] != ']')
        return false;
    struct slice inner = {literal.s + 1, literal.len - 2};
    if (slice_starts_nocase(inner, "IPv6:"))
        inner = slice_from(inner, strlen("IPv6:"));
    CLEANUP(strbuf_done) struct strbuf copy = STRBUF_INIT(INET6_ADDRSTRLEN);
    strbuf_add_slice(&copy, inner);
    int family = slice_find(inner, ':') == SIZE_MAX ? AF_INET : AF_INET6;
    return inet_pton(family, copy.s, binary) == 1 && inet_ntop(family, binary, text, sizeof text) &&
           argv_has(list, text);
}
