/* From "submission" or "localhost:10025" and inet_interfaces, inet_protocols to socket addresses.
 */
#include "master/master.h"

#include "base/xmem.h"
#include "config/common_params.h"
#include "io/sock.h"
#include "log/log.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <unistd.h>

struct list {
    struct master_address *at;
    size_t count;
};

static bool list_has(const struct list *list, const struct sockaddr *addr, socklen_t len)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->at[i].len == len && memcmp(&list->at[i].addr, addr, len) == 0)
            return true;
    return false;
}

static void set_port(struct sockaddr *addr, int port)
{
    if (addr->sa_family == AF_INET)
        ((struct sockaddr_in *)(void *)addr)->sin_port = htons((uint16_t)port);
    else
        ((struct sockaddr_in6 *)(void *)addr)->sin6_port = htons((uint16_t)port);
}

static void list_add(struct list *list, const struct sockaddr *addr, socklen_t len, int port)
{
    struct master_address item = {.len = len};
    memcpy(&item.addr, addr, len);
    set_port((struct sockaddr *)&item.addr, port);
    if (list_has(list, (struct sockaddr *)&item.addr, len))
        return;
    list->at = xrealloc_array(list->at, list->count + 1, sizeof *list->at);
    list->at[list->count++] = item;
}

static bool protocol_named(const char *name)
{
    struct slice in = slice_of(common_params.inet_protocols), item;
    while (slice_next_item(&in, &item))
        if (slice_eq(item, name) || slice_eq(item, "all"))
            return true;
    return false;
}

/* A kernel without IPv6 is no reason to refuse "all". */
static bool protocol_works(int family)
{
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static bool family_wanted(int family)
{
    if (family == AF_INET)
        return protocol_named("ipv4") && protocol_works(AF_INET);
    return family == AF_INET6 && protocol_named("ipv6") && protocol_works(AF_INET6);
}

static bool add_host(struct list *list, const char *host, int port, struct err *err)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *found;
    int status = getaddrinfo(host, NULL, &hints, &found);
    if (status != 0)
        return err_set(err, ERR_CONFIG, "bad hostname or network address: %s: %s", host,
                       gai_strerror(status));
    size_t before = list->count;
    for (struct addrinfo *at = found; at; at = at->ai_next)
        if (family_wanted(at->ai_family))
            list_add(list, at->ai_addr, at->ai_addrlen, port);
    freeaddrinfo(found);
    return list->count > before || before > 0 ||
           err_set(err, ERR_CONFIG, "no valid IP address found: %s", host);
}

static void add_all(struct list *list, int port)
{
    struct sockaddr_in any = {.sin_family = AF_INET};
    struct sockaddr_in6 any6 = {.sin6_family = AF_INET6};
    if (family_wanted(AF_INET))
        list_add(list, (struct sockaddr *)&any, sizeof any, port);
    if (family_wanted(AF_INET6))
        list_add(list, (struct sockaddr *)&any6, sizeof any6, port);
}

static void add_loopback(struct list *list, int port)
{
    struct ifaddrs *interfaces = NULL;
    if (getifaddrs(&interfaces) < 0)
        return;
    for (struct ifaddrs *at = interfaces; at; at = at->ifa_next) {
        if (!at->ifa_addr || !(at->ifa_flags & IFF_LOOPBACK) || !(at->ifa_flags & IFF_UP) ||
            !family_wanted(at->ifa_addr->sa_family))
            continue;
        bool is_v4 = at->ifa_addr->sa_family == AF_INET;
        list_add(list, at->ifa_addr,
                 is_v4 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6), port);
    }
    freeifaddrs(interfaces);
}

static bool add_interfaces(struct list *list, int port, struct err *err)
{
    struct slice in = slice_of(common_params.inet_interfaces), item;
    while (slice_next_item(&in, &item)) {
        CLEANUP(xfree_ptr) char *host = slice_dup(item);
        size_t len = strlen(host);
        if (strcmp(host, "all") == 0) {
            add_all(list, port);
        } else if (strcmp(host, "loopback-only") == 0) {
            add_loopback(list, port);
        } else {
            bool bracketed = host[0] == '[' && host[len - 1] == ']';
            if (bracketed)
                host[len - 1] = 0;
            if (!add_host(list, bracketed ? host + 1 : host, port, err))
                return err_prefix(err, "config variable inet_interfaces");
        }
    }
    return list->count > 0 ||
           err_set(err, ERR_CONFIG, "inet_interfaces and inet_protocols leave no address");
}

bool master_inet_addresses(const char *name, struct master_address **ret, size_t *ret_count,
                           struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf host = STRBUF_ANY;
    CLEANUP(strbuf_done) struct strbuf port_text = STRBUF_ANY;
    struct list list = {NULL, 0};
    int port;
    if (!master_port_split(name, &host, &port_text, err) ||
        !master_port_find(port_text.s, common_params.known_tcp_ports, &port, err))
        return false;
    bool found =
        host.len > 0 ? add_host(&list, host.s, port, err) : add_interfaces(&list, port, err);
    if (!found) {
        free(list.at);
        return false;
    }
    *ret = list.at;
    *ret_count = list.count;
    return true;
}
