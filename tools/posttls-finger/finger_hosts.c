#include "tools/posttls-finger/finger_hosts.h"

#include "base/num.h"
#include "base/slice.h"
#include "dns/dns_srv.h"
#include "io/sock.h"
#include "tools/posttls-finger/finger_say.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

enum { HOSTS_MAX = 200, SMTP_PORT = 25, LMTP_PORT = 24, PORT_MAX = 65535 };

/* --- the destination ------------------------------------------------------------------------ */

static int default_port(const struct finger_options *o)
{
    const struct servent *entry = o->is_lmtp ? NULL : getservbyname("smtp", "tcp");
    if (entry)
        return ntohs((uint16_t)entry->s_port);
    return o->is_lmtp ? LMTP_PORT : SMTP_PORT;
}

static int read_port(const char *text)
{
    uint64_t number;
    if (num_parse_u64(slice_of(text), 10, &number) && number > 0 && number <= PORT_MAX)
        return (int)number;
    const struct servent *entry = getservbyname(text, "tcp");
    if (!entry)
        finger_fatal("unknown service: %s/tcp", text);
    return ntohs((uint16_t)entry->s_port);
}

static void add_host(struct finger_hosts *hosts, struct finger_host host)
{
    host.draw = (unsigned)random();
    if (hosts->count < HOSTS_MAX)
        hosts->at[hosts->count++] = host;
}

void finger_hosts_parse(const struct finger_options *options, const char *our_name,
                        struct arena *arena, struct finger_hosts *ret)
{
    struct slice text = slice_of(options->destination), host = text, port = SLICE_EMPTY;
    *ret = (struct finger_hosts){.at = arena_zalloc(arena, HOSTS_MAX * sizeof *ret->at)};
    if (options->is_lmtp && slice_starts(text, "unix:")) {
        ret->domain = our_name;
        add_host(ret,
                 (struct finger_host){.name = our_name, .address = text.s + 5, .family = AF_UNIX});
        return;
    }
    if (slice_starts(text, "inet:"))
        host = text = slice_from(text, 5);
    if (slice_starts(text, "[")) {
        size_t end = slice_find(text, ']');
        if (end == SIZE_MAX)
            finger_fatal("missing \"]\" in server description: %s", options->destination);
        host = slice_from(slice_first(text, end), 1);
        port = slice_from(text, end + 1);
        if (port.len > 0 && port.s[0] != ':')
            finger_fatal("garbage after \"]\" in server description: %s", options->destination);
        port = slice_from(port, 1);
    } else {
        ret->is_exchanged = !options->is_lmtp;
        slice_rsplit(text, ':', &host, &port);
    }
    if (host.len == 0)
        finger_fatal("missing host in server description: %s", options->destination);
    ret->domain = arena_slice_dup(arena, host);
    const char *service = port.len > 0 ? arena_slice_dup(arena, port) : NULL;
    if (options->is_service && host.s == text.s) /* no brackets; the records have the ports */
        ret->service = service ? service : options->is_lmtp ? "lmtp" : "smtp";
    else
        ret->port = service ? read_port(service) : default_port(options);
}

/* --- addresses ------------------------------------------------------------------------------ */

static bool is_numeric(const char *name, int *ret_family)
{
    struct sockaddr_storage address;
    socklen_t len;
    if (!sock_address_parse(name, 0, &address, &len))
        return false;
    *ret_family = address.ss_family;
    return true;
}

/* What is known of a host before its addresses are. */
struct server {
    const char *name;
    unsigned preference;
    int port;
};

static void add_native(struct finger_hosts *hosts, const struct finger_options *o,
                       struct arena *arena, const struct server *server, struct err *err)
{
    struct addrinfo hints = {.ai_family = o->family, .ai_socktype = SOCK_STREAM}, *list;
    int status = getaddrinfo(server->name, NULL, &hints, &list);
    if (status) {
        err_set(err, ERR_TEMP, "unable to look up host %s: %s", server->name, gai_strerror(status));
        return;
    }
    for (const struct addrinfo *a = list; a; a = a->ai_next) {
        CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
        sock_address_text(a->ai_addr, &text);
        add_host(hosts, (struct finger_host){.name = server->name,
                                             .address = arena_strdup(arena, text.s),
                                             .preference = server->preference,
                                             .port = server->port,
                                             .family = a->ai_family});
    }
    freeaddrinfo(list);
}

static void add_records(struct finger_hosts *hosts, struct finger_dns *q,
                        const struct server *server, enum dns_type type, struct err *err)
{
    const struct dns_answer *answer = finger_dns_ask(q, server->name, type);
    /* that it may be there another time is more than that it is not there in the other family */
    if (answer->status != DNS_FOUND && err->kind != ERR_TEMP)
        *err = q->err;
    for (size_t i = 0; i < answer->count; i++)
        add_host(hosts, (struct finger_host){.name = server->name,
                                             .address = answer->records[i].text,
                                             .preference = server->preference,
                                             .port = server->port,
                                             .family = type == DNS_A ? AF_INET : AF_INET6,
                                             .asked = server->name,
                                             .target = answer->records[i].owner,
                                             .is_secure = answer->is_secure});
}

static void add_addresses(struct finger_hosts *hosts, const struct finger_options *o,
                          struct finger_dns *q, struct server server, struct err *err)
{
    int family;
    size_t count = hosts->count;
    if (is_numeric(server.name, &family)) {
        add_host(hosts, (struct finger_host){.name = server.name,
                                             .address = server.name,
                                             .preference = server.preference,
                                             .port = server.port,
                                             .family = family});
        return;
    }
    if (o->lookups & FINGER_LOOKUP_DNS && o->family != AF_INET6)
        add_records(hosts, q, &server, DNS_A, err);
    if (o->lookups & FINGER_LOOKUP_DNS && o->family != AF_INET)
        add_records(hosts, q, &server, DNS_AAAA, err);
    if (hosts->count == count && o->lookups & FINGER_LOOKUP_NATIVE)
        add_native(hosts, o, q->arena, &server, err);
}

static bool add_domain(struct finger_hosts *hosts, const struct finger_options *o,
                       struct finger_dns *q, struct err *err)
{
    add_addresses(hosts, o, q, (struct server){.name = hosts->domain, .port = hosts->port}, err);
    return hosts->count > 0;
}

/* The servers of the service, on ports of their own. Without records there are none. */
static bool find_service(struct finger_hosts *hosts, const struct finger_options *o,
                         struct finger_dns *q, struct err *err)
{
    const char *name = arena_printf(q->arena, "_%s._tcp.%s", hosts->service, hosts->domain);
    const struct dns_answer *answer = finger_dns_ask(q, name, DNS_SRV);
    hosts->is_mx_secure = answer->is_secure;
    if (answer->status != DNS_FOUND) {
        *err = q->err;
        return false;
    }
    if (answer->count == 1 && !answer->records[0].text[0]) /* RFC 2782 */
        return err_set(err, ERR_PERM, "Domain %s does not provide service %s", hosts->domain,
                       hosts->service);
    dns_srv_order(answer->records, answer->count);
    err_set(err, ERR_PERM, "no server of %s can be used", name);
    for (size_t i = 0; i < answer->count; i++) {
        const struct dns_record *record = &answer->records[i];
        if (record->text[0] && record->port != 0)
            add_addresses(hosts, o, q,
                          (struct server){record->text, (unsigned)i, (int)record->port}, err);
    }
    return hosts->count > 0;
}

/* The exchangers of the domain, or, where it has none, the domain itself. */
static bool find(struct finger_hosts *hosts, const struct finger_options *o, struct finger_dns *q,
                 struct err *err)
{
    int family;
    if (hosts->service)
        return find_service(hosts, o, q, err);
    if (!hosts->is_exchanged || !(o->lookups & FINGER_LOOKUP_DNS) ||
        is_numeric(hosts->domain, &family)) {
        hosts->is_mx_secure = true;
        return add_domain(hosts, o, q, err);
    }
    const struct dns_answer *answer = finger_dns_ask(q, hosts->domain, DNS_MX);
    hosts->is_mx_secure = answer->is_secure;
    if (answer->status == DNS_NOT_FOUND || answer->status == DNS_NO_DATA)
        return add_domain(hosts, o, q, err);
    if (answer->status != DNS_FOUND) {
        *err = q->err;
        return false;
    }
    if (answer->count == 1 && !answer->records[0].text[0]) /* RFC 7505 */
        return err_set(err, ERR_PERM, "Domain %s does not accept mail (nullMX)", hosts->domain);
    for (size_t i = 0; i < answer->count; i++)
        if (answer->records[i].text[0])
            add_addresses(hosts, o, q,
                          (struct server){.name = answer->records[i].text,
                                          .preference = answer->records[i].preference,
                                          .port = hosts->port},
                          err);
    if (hosts->count == 0)
        finger_warn("no MX host for %s has a valid address record", hosts->domain);
    return hosts->count > 0;
}

static int first_family; /* qsort(3) passes nothing on */

static int compare(const void *left, const void *right)
{
    const struct finger_host *a = left, *b = right;
    if (a->family != b->family)
        return a->family == first_family ? -1 : 1;
    if (a->preference != b->preference)
        return a->preference < b->preference ? -1 : 1;
    return (a->draw > b->draw) - (a->draw < b->draw);
}

bool finger_hosts_find(const struct finger_options *options, struct finger_dns *dns,
                       struct finger_hosts *hosts, struct err *err)
{
    if (hosts->count > 0) /* a Unix socket */
        return true;
    bool found = find(hosts, options, dns, err);
    first_family = random() % 2 ? AF_INET : AF_INET6;
    qsort(hosts->at, hosts->count, sizeof *hosts->at, compare);
    return found;
}
