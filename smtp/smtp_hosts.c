/*
 * Looking up hosts: first the mail exchangers (or the one host named), then the addresses of all of
 * them at once, then the order.
 */
#include "smtp/smtp_hosts.h"

#include "base/xmem.h"
#include "dns/dns_filter.h"
#include "dns/dns_srv.h"
#include "io/sock.h"
#include "log/log.h"
#include "mail/address.h"
#include "smtp/smtp_dnssec.h"
#include "smtp/smtp_native.h"
#include "smtp/smtp_params.h"

#include <arpa/inet.h>
#include <limits.h>
#include <netinet/in.h>
#include <string.h>

enum { ADDRESSES_FEW = 4, ADDRESSES_MAX = 200, FAMILIES = 2, LOOP_PORT = 25 };

/* Why there is no address. The later ones are told of, where others are not graver. */
struct trouble {
    enum { TROUBLE_NONE, TROUBLE_LASTING, TROUBLE_TEMPORARY, TROUBLE_FILTERED } kind;
    struct err err;
};

/* One host name whose addresses are asked for. */
struct target {
    struct smtp_hosts *lookup;
    const char *name;
    const char *alias_of; /* the name that has the addresses; NULL: NAME itself */
    unsigned preference, rank;
    int port;
    bool is_secure; /* the address that is being added was validated */
    struct dns_query *queries[FAMILIES];
    struct smtp_native *native;
    bool found;
    /* why nothing was found: by A and AAAA, and, of both or the system's resolver, the gravest */
    struct trouble troubles[FAMILIES], trouble;
};

struct smtp_hosts {
    const struct smtp_nexthop *nexthop;
    struct arena *arena;
    smtp_hosts_fn fn;
    void *owner;
    struct dns_query *mx; /* or SRV */
    struct target *targets;
    size_t target_count, pending;
    bool has_mx, is_mx_secure;
    struct smtp_host_list list;
    size_t room;       /* in list.at */
    struct later done; /* what needs no question is answered at the end of the turn */
    const char *dsn;
    struct err err;
};

static void lookup_free(struct smtp_hosts *l)
{
    loop_later_cancel(smtp_client.loop, &l->done);
    dns_query_cancel(l->mx);
    for (size_t i = 0; i < l->target_count; i++) {
        for (size_t j = 0; j < FAMILIES; j++)
            dns_query_cancel(l->targets[i].queries[j]);
        smtp_native_cancel(l->targets[i].native);
    }
    free(l->targets);
    free(l);
}

void smtp_hosts_cancel(struct smtp_hosts *lookup)
{
    if (lookup)
        lookup_free(lookup);
}

static void lookup_answer(void *owner)
{
    struct smtp_hosts *l = owner;
    smtp_hosts_fn fn = l->fn;
    void *to = l->owner;
    struct smtp_host_list list = l->list;
    const char *dsn = l->dsn;
    struct err err = l->err;
    lookup_free(l);
    fn(to, dsn ? NULL : &list, dsn, &err);
}

static void fail(struct smtp_hosts *l, const char *dsn, const struct err *err)
{
    l->dsn = dsn;
    l->err = *err;
    loop_later(smtp_client.loop, &l->done);
}

static struct smtp_host *host_add(struct smtp_hosts *l, const struct target *t)
{
    if (l->list.count >= ADDRESSES_MAX)
        return NULL;
    if (l->list.count == l->room) {
        l->room = MAX((size_t)ADDRESSES_FEW, l->room * 2);
        struct smtp_host *at = arena_alloc(l->arena, l->room * sizeof *at);
        if (l->list.count > 0)
            memcpy(at, l->list.at, l->list.count * sizeof *at);
        l->list.at = at;
    }
    struct smtp_host *host = &l->list.at[l->list.count++];
    *host = (struct smtp_host){.name = arena_strdup(l->arena, t->name),
                               .preference = t->preference,
                               .rank = t->rank,
                               .port = t->port};
    host->asked = host->target = host->name;
    return host;
}

static void address_add(const struct target *t, const struct sockaddr *address, socklen_t len)
{
    struct smtp_hosts *l = t->lookup;
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    bool is_usable = address->sa_family == AF_INET    ? smtp_client.use_ipv4
                     : address->sa_family == AF_INET6 ? smtp_client.use_ipv6
                                                      : false;
    struct smtp_host *host = is_usable ? host_add(l, t) : NULL;
    if (!host)
        return;
    if (t->alias_of)
        host->target = arena_strdup(l->arena, t->alias_of);
    if (smtp_params.smtp_cname_overrides_servername)
        host->name = host->target;
    host->is_mx_secure = l->is_mx_secure;
    host->is_secure = t->is_secure;
    memcpy(&host->address, address, len);
    host->address_len = len;
    sock_address_text(address, &text);
    host->address_text = arena_strdup(l->arena, text.s);
    in_port_t port = htons((uint16_t)host->port);
    if (address->sa_family == AF_INET)
        ((struct sockaddr_in *)&host->address)->sin_port = port;
    else
        ((struct sockaddr_in6 *)&host->address)->sin6_port = port;
}

static struct trouble trouble_of(const struct dns_answer *answer, const struct err *err)
{
    struct trouble t = {.kind = err->kind == ERR_PERM ? TROUBLE_LASTING : TROUBLE_TEMPORARY,
                        .err = *err};
    if (answer->status == DNS_DROPPED)
        t.kind = TROUBLE_FILTERED;
    return t;
}

static void trouble_add(struct trouble *sum, const struct trouble *t)
{
    if (t->kind >= sum->kind)
        *sum = *t;
}

static const char *trouble_dsn(const struct trouble *t)
{
    static const char *const codes[] = {"4.4.3", "5.4.4", "4.4.3", "4.7.0"};
    return codes[t->kind];
}

/* No host has an address. */
static void fail_without_address(struct smtp_hosts *l)
{
    struct trouble sum = {.kind = TROUBLE_NONE};
    for (size_t i = 0; i < l->target_count; i++)
        trouble_add(&sum, &l->targets[i].trouble);
    if (sum.kind == TROUBLE_NONE)
        err_set(&sum.err, ERR_TEMP,
                "unable to look up host %s: no address of a family in inet_protocols",
                l->nexthop->host);
    if (l->has_mx)
        log_warn(NULL, "no MX host for %s has a valid address record", l->nexthop->host);
    if (l->has_mx && smtp_params.smtp_defer_if_no_mx_address_found && sum.kind == TROUBLE_LASTING) {
        sum.kind = TROUBLE_TEMPORARY;
        sum.err.kind = ERR_TEMP;
    }
    fail(l, trouble_dsn(&sum), &sum.err);
}

static unsigned best_found(const struct smtp_host_list *list)
{
    unsigned best = UINT_MAX;
    for (size_t i = 0; i < list->count; i++)
        best = MIN(best, list->at[i].preference);
    return best;
}

static unsigned best_wanted(const struct smtp_hosts *l)
{
    unsigned best = UINT_MAX;
    for (size_t i = 0; i < l->target_count; i++)
        best = MIN(best, l->targets[i].preference);
    return best;
}

static void finish(struct smtp_hosts *l)
{
    struct err err = ERR_INIT;
    if (l->list.count == 0) {
        fail_without_address(l);
        return;
    }
    /* Another port is another server's, even on our own address. */
    unsigned found = best_found(&l->list);
    if (!smtp_client.is_lmtp &&
        !smtp_hosts_drop_self(&l->list, &smtp_client.own_addresses, LOOP_PORT)) {
        if (found == best_wanted(l)) {
            err_set(&err, ERR_PERM, "mail for %s loops back to myself", l->nexthop->host);
            fail(l, "5.4.6", &err);
        } else { /* a better one has no address now */
            err_set(&err, ERR_TEMP, "unable to find primary relay for %s", l->nexthop->host);
            fail(l, "4.4.4", &err);
        }
        return;
    }
    smtp_hosts_sort(&l->list, smtp_client.family_first, smtp_params.smtp_randomize_addresses);
    smtp_hosts_limit(&l->list, (size_t)smtp_params.smtp_mx_address_limit,
                     smtp_params.smtp_balance_inet_protocols);
    loop_later(smtp_client.loop, &l->done);
}

static void target_done(struct target *t)
{
    if (--t->lookup->pending == 0)
        finish(t->lookup);
}

static void on_native(void *owner, const struct smtp_native_address *addresses, size_t count,
                      const struct err *err)
{
    struct target *t = owner;
    t->native = NULL;
    for (size_t i = 0; i < count; i++)
        address_add(t, (const struct sockaddr *)&addresses[i].address, addresses[i].len);
    if (count == 0)
        t->trouble = (struct trouble){
            .kind = err->kind == ERR_PERM ? TROUBLE_LASTING : TROUBLE_TEMPORARY, .err = *err};
    target_done(t);
}

static void native_start(struct target *t)
{
    t->native = smtp_native_find(t->name, on_native, t);
}

static void log_lines(const char *text, bool is_warning)
{
    struct slice in = slice_of(text), line;
    while (slice_next_line(&in, &line)) {
        if (is_warning)
            log_warn(NULL, "%.*s", SLICE_ARG(line));
        else
            log_info(NULL, "%.*s", SLICE_ARG(line));
    }
}

/* The answer without what smtp_dns_reply_filter does not want; lives as long as the look-up. */
static const struct dns_answer *filtered(struct smtp_hosts *l, const struct dns_answer *answer,
                                         struct err *err)
{
    struct dns_answer *copy = dns_answer_copy(answer, l->arena);
    dns_filter_apply(smtp_client.dns_filter, copy, l->arena, err);
    log_lines(copy->warnings, true);
    log_lines(copy->notes, false);
    return copy;
}

static void on_address(void *owner, const struct dns_answer *raw, const struct err *raw_err)
{
    struct target *t = owner;
    struct err err = *raw_err;
    bool is_v6 = raw->type == DNS_AAAA;
    const struct dns_answer *answer = filtered(t->lookup, raw, &err);
    t->queries[is_v6] = NULL;
    smtp_dnssec_saw(raw);
    t->is_secure = raw->is_secure;
    for (size_t i = 0; i < answer->count; i++) {
        const struct dns_record *record = &answer->records[i];
        t->found = true;
        t->alias_of = dns_is_hostname(slice_of(record->owner)) ? record->owner : NULL;
        address_add(t, (const struct sockaddr *)&record->address, record->address_len);
    }
    t->is_secure = false;
    t->alias_of = NULL;
    if (answer->status != DNS_FOUND)
        t->troubles[is_v6] = trouble_of(answer, &err);
    if (t->queries[0] || t->queries[1])
        return;
    for (size_t i = 0; i < FAMILIES; i++)
        trouble_add(&t->trouble, &t->troubles[i]);
    if (!t->found && smtp_client.host_lookup & SMTP_LOOKUP_NATIVE)
        native_start(t);
    else
        target_done(t);
}

static void target_start(struct target *t)
{
    struct sockaddr_storage address;
    socklen_t len;
    if (sock_address_parse(t->name, 0, &address, &len)) {
        address_add(t, (struct sockaddr *)&address, len);
        t->trouble.kind = TROUBLE_LASTING;
        err_set(&t->trouble.err, ERR_PERM, "address family of %s is not enabled in inet_protocols",
                t->name);
        target_done(t);
        return;
    }
    if (!(smtp_client.host_lookup & SMTP_LOOKUP_DNS)) {
        native_start(t);
        return;
    }
    if (smtp_client.use_ipv4)
        t->queries[0] = dns_query_start(smtp_client.dns, t->name, DNS_A, on_address, t);
    if (smtp_client.use_ipv6)
        t->queries[1] = dns_query_start(smtp_client.dns, t->name, DNS_AAAA, on_address, t);
}

static void targets_start(struct smtp_hosts *l)
{
    l->pending = l->target_count + 1; /* ours: finish() waits until all are started */
    for (size_t i = 0; i < l->target_count; i++) {
        l->targets[i].lookup = l;
        target_start(&l->targets[i]);
    }
    if (--l->pending == 0)
        finish(l);
}

static void single_target(struct smtp_hosts *l)
{
    l->targets = xzalloc(sizeof *l->targets);
    l->target_count = 1;
    l->targets[0].name = l->nexthop->host;
    l->targets[0].port = l->nexthop->port;
    targets_start(l);
}

static void on_mx(void *owner, const struct dns_answer *raw, const struct err *raw_err)
{
    struct smtp_hosts *l = owner;
    struct err err = *raw_err;
    const struct dns_answer *answer = filtered(l, raw, &err);
    l->mx = NULL;
    smtp_dnssec_saw(raw);
    l->is_mx_secure = raw->is_secure;
    if (answer->status == DNS_NOT_FOUND || answer->status == DNS_NO_DATA ||
        (answer->status == DNS_FAILED && smtp_params.ignore_mx_lookup_error)) {
        l->is_mx_secure = true; /* no name is there that somebody could have forged */
        single_target(l);       /* RFC 5321, section 5.1: the domain is its own mail exchanger */
        return;
    }
    if (answer->status != DNS_FOUND) {
        struct trouble t = trouble_of(answer, &err);
        fail(l, trouble_dsn(&t), &t.err);
        return;
    }
    if (answer->count == 1 && answer->records[0].text[0] == '\0') {
        struct err null_mx = ERR_INIT; /* RFC 7505 */
        err_set(&null_mx, ERR_PERM, "Domain %s does not accept mail (nullMX)", l->nexthop->host);
        fail(l, "5.1.0", &null_mx);
        return;
    }
    l->has_mx = true;
    l->targets = xzalloc(answer->count * sizeof *l->targets);
    for (size_t i = 0; i < answer->count; i++) {
        struct target *t = &l->targets[l->target_count];
        if (answer->records[i].text[0] == '\0')
            continue; /* a root among others means nothing */
        t->name = arena_strdup(l->arena, answer->records[i].text);
        t->port = l->nexthop->port;
        t->preference = answer->records[i].preference;
        l->target_count++;
    }
    targets_start(l);
}

/* Without SRV records: exchangers, or the host itself. */
static void find_plain(struct smtp_hosts *l)
{
    /* an address is no domain name, also without brackets: nobody has to be asked about it */
    if (l->nexthop->kind == SMTP_NEXTHOP_DOMAIN &&
        !address_is_numeric(slice_of(l->nexthop->host))) {
        l->mx = dns_query_start(smtp_client.dns, l->nexthop->host, DNS_MX, on_mx, l);
    } else {
        l->is_mx_secure = true; /* as good as an MX record that the administrator wrote */
        single_target(l);
    }
}

/* A failed look-up is not "no record": each has a parameter of its own. */
static bool may_do_without_srv(const struct dns_answer *answer)
{
    if (answer->status == DNS_NOT_FOUND || answer->status == DNS_NO_DATA)
        return smtp_params.allow_srv_lookup_fallback;
    return answer->status == DNS_FAILED && smtp_params.ignore_srv_lookup_error;
}

static void on_srv(void *owner, const struct dns_answer *raw, const struct err *raw_err)
{
    struct smtp_hosts *l = owner;
    struct err err = *raw_err;
    const struct dns_answer *answer = filtered(l, raw, &err);
    l->mx = NULL;
    smtp_dnssec_saw(raw);
    l->is_mx_secure = raw->is_secure;
    if (may_do_without_srv(answer)) {
        find_plain(l);
        return;
    }
    if (answer->status != DNS_FOUND) {
        struct trouble t = trouble_of(answer, &err);
        fail(l, trouble_dsn(&t), &t.err);
        return;
    }
    if (answer->count == 1 && answer->records[0].text[0] == '\0') {
        struct err none = ERR_INIT; /* RFC 2782: decidedly not available */
        err_set(&none, ERR_PERM, "Domain %s does not provide service %s", l->nexthop->host,
                l->nexthop->service);
        fail(l, "5.1.0", &none);
        return;
    }
    dns_srv_order(answer->records, answer->count);
    l->targets = xzalloc(answer->count * sizeof *l->targets);
    for (size_t i = 0; i < answer->count; i++) {
        const struct dns_record *record = &answer->records[i];
        if (record->text[0] != '\0' && record->port != 0)
            l->targets[l->target_count++] = (struct target){.name = record->text, /* in our arena */
                                                            .preference = record->preference,
                                                            .rank = (unsigned)i,
                                                            .port = (int)record->port};
    }
    targets_start(l);
}

static void find_service(struct smtp_hosts *l)
{
    const char *name = arena_printf(l->arena, "_%s._tcp.%s", l->nexthop->service, l->nexthop->host);
    l->mx = dns_query_start(smtp_client.dns, name, DNS_SRV, on_srv, l);
}

struct smtp_hosts *smtp_hosts_find(const struct smtp_nexthop *nexthop, struct arena *arena,
                                   smtp_hosts_fn fn, void *owner)
{
    struct smtp_hosts *l = xzalloc(sizeof *l);
    l->nexthop = nexthop;
    l->arena = arena;
    l->fn = fn;
    l->owner = owner;
    l->done = (struct later){.fn = lookup_answer, .owner = l};
    if (nexthop->kind == SMTP_NEXTHOP_UNIX) {
        const struct target here = {.name = nexthop->host, .port = nexthop->port};
        struct smtp_host *host = host_add(l, &here);
        host->path = host->address_text = host->name;
        loop_later(smtp_client.loop, &l->done);
    } else if (nexthop->service) {
        find_service(l);
    } else {
        find_plain(l);
    }
    return l;
}
