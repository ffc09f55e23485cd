/*
 * The asynchronous resolver: c-ares does the retries, the server selection and the switch to TCP;
 * its sockets and timeouts are served by the loop.
 *
 * c-ares may call back from inside ares_query(); answers are therefore handed over at the end of
 * the turn, and a question whose owner went away lives until c-ares lets go of it.
 */
#include "dns/dns.h"

#include "base/text.h"
#include "base/xmem.h"
#include "dns/dns_ace.h"
#include "dns/dns_options.h"
#include "dns/dns_ttl.h"

#include <ares.h>
#include <arpa/inet.h>
#include <string.h>
#include <sys/random.h>

/* SEARCH_MAX: names that one question becomes */
enum { SEARCH_MAX = 16, CLASS_IN = 1, SOCKETS_MAX = 64, TRIES = 2, TIMEOUT_MS = 5000 };

struct dns_socket {
    struct dns *dns;
    struct watch *watch;
    int fd;
};

struct dns {
    ares_channel channel;
    struct loop *loop;
    struct timer *timer;
    struct dns_socket sockets[SOCKETS_MAX];
    struct dns_query *queries; /* those c-ares still knows, and those being handed over */
    int host_family;
    bool search_short, search_more;
    bool asks_secure, is_closing;
};

struct dns_query {
    struct dns *dns;
    struct dns_query *next, **link;
    dns_fn fn; /* NULL: cancelled */
    void *owner;
    struct arena *arena;
    const char *name;
    const char *names[SEARCH_MAX + 1]; /* to ask for, one after the other; NULL at the end */
    size_t asked;                      /* how many of them */
    enum dns_type type;
    struct dns_answer answer;
    struct err err;
    struct later done;
    bool is_answered; /* c-ares has called back */
};

static void dns_rearm(struct dns *dns);

static void on_socket(void *owner, unsigned events)
{
    struct dns_socket *s = owner;
    struct dns *dns = s->dns;
    int fd = s->fd; /* S may be given to another socket meanwhile */
    ares_process_fd(dns->channel, events & WATCH_READ ? fd : ARES_SOCKET_BAD,
                    events & WATCH_WRITE ? fd : ARES_SOCKET_BAD);
    dns_rearm(dns);
}

static void on_timer(void *owner)
{
    struct dns *dns = owner;
    ares_process_fd(dns->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    dns_rearm(dns);
}

static void dns_rearm(struct dns *dns)
{
    struct timeval left, *wait = ares_timeout(dns->channel, NULL, &left);
    if (!wait)
        timer_stop(dns->timer);
    else
        timer_start(dns->timer, (int64_t)wait->tv_sec * 1000 + wait->tv_usec / 1000 + 1);
}

/* c-ares opened a socket, closed it (neither flag), or waits for something else on it. */
static void on_socket_state(void *data, ares_socket_t fd, int readable, int writable)
{
    struct dns *dns = data;
    unsigned events = (readable ? WATCH_READ : 0U) | (writable ? WATCH_WRITE : 0U);
    struct dns_socket *found = NULL, *unused = NULL;
    for (size_t i = 0; i < SOCKETS_MAX; i++) {
        struct dns_socket *s = &dns->sockets[i];
        if (s->watch && s->fd == fd)
            found = s;
        else if (!s->watch && !unused)
            unused = s;
    }
    if (found && events) {
        watch_set(found->watch, events);
    } else if (found) {
        watch_free(found->watch);
        found->watch = NULL;
    } else if (unused && events && dns->loop) {
        /* without a free slot the socket is served by the timer alone */
        *unused = (struct dns_socket){.dns = dns, .fd = fd};
        unused->watch = watch_new(dns->loop, fd, events, on_socket, unused);
    }
}

struct dns *dns_new(struct err *err)
{
    struct dns *dns = xzalloc(sizeof *dns);
    struct dns_options limits = {TIMEOUT_MS, TRIES};
    dns_options_load(&limits);
    struct ares_options options = {
        .timeout = limits.timeout_ms,
        .tries = limits.tries,
        .sock_state_cb = on_socket_state,
        .sock_state_cb_data = dns,
    };
    int status = ares_library_init(ARES_LIB_INIT_ALL);
    if (status == ARES_SUCCESS)
        status = ares_init_options(&dns->channel, &options,
                                   ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
    if (status == ARES_SUCCESS)
        return dns;
    err_set(err, ERR_TEMP, "cannot initialize the resolver: %s", ares_strerror(status));
    free(dns);
    return NULL;
}

void dns_start(struct dns *dns, struct loop *loop)
{
    dns->loop = loop;
    dns->timer = timer_new(loop, on_timer, dns);
}

static void query_free(struct dns_query *q)
{
    if (q->dns->loop)
        loop_later_cancel(q->dns->loop, &q->done);
    *q->link = q->next;
    if (q->next)
        q->next->link = q->link;
    arena_free(q->arena);
    free(q);
}

void dns_free(struct dns *dns)
{
    if (!dns)
        return;
    dns->is_closing = true;
    ares_destroy(dns->channel); /* calls back for everything pending */
    for (struct dns_query *q = dns->queries, *next; q; q = next) {
        next = q->next;
        query_free(q);
    }
    for (size_t i = 0; i < SOCKETS_MAX; i++)
        watch_free(dns->sockets[i].watch);
    timer_free(dns->timer);
    free(dns);
}

bool dns_set_servers(struct dns *dns, const char *servers, struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf list = STRBUF_INIT(4096);
    struct slice in = slice_of(servers), item;
    while (slice_next_item(&in, &item)) {
        if (list.len)
            strbuf_add_char(&list, ',');
        strbuf_add_slice(&list, item);
    }
    int status = list.overflow ? ARES_EBADSTR : ares_set_servers_ports_csv(dns->channel, list.s);
    return status == ARES_SUCCESS || err_set(err, ERR_CONFIG, "bad list of name servers: %s: %s",
                                             servers, ares_strerror(status));
}

void dns_ask_secure(struct dns *dns)
{
    dns->asks_secure = true;
}

void dns_set_host_family(struct dns *dns, int family)
{
    dns->host_family = family;
}

static void on_done(void *owner)
{
    struct dns_query *q = owner;
    dns_fn fn = q->fn;
    if (fn)
        fn(q->owner, &q->answer, &q->err);
    query_free(q);
}

/* c-ares has called back. False: nobody waits for it. */
static bool is_awaited(struct dns_query *q)
{
    q->is_answered = true;
    if (q->dns->is_closing)
        return false;
    if (!q->fn) {
        query_free(q);
        return false;
    }
    loop_later(q->dns->loop, &q->done);
    return true;
}

static void fail(struct dns_query *q, int status)
{
    if (status == ARES_ENOTFOUND || status == ARES_EBADNAME)
        dns_answer_fail(q->name, q->type, DNS_NOT_FOUND, &q->answer, &q->err);
    else if (status == ARES_ENODATA)
        dns_answer_fail(q->name, q->type, DNS_NO_DATA, &q->answer, &q->err);
    else
        dns_answer_fail(q->name, q->type, DNS_FAILED, &q->answer, &q->err);
}

static void on_reply(void *arg, int status, int timeouts, unsigned char *data, int len);

/* The question with the bit AD set: we would know what to do with it in the answer (RFC 6840,
 * section 5.7). Without it some name servers keep theirs to themselves. */
static void ask_secure(struct dns_query *q, const char *name)
{
    enum { FLAGS_AT = 3, AUTHENTIC_DATA = 0x20 };
    unsigned char *packet = NULL;
    int size = 0;
    unsigned short id = 0;
    int status = ARES_ESERVFAIL;
    if (getrandom(&id, sizeof id, 0) == (ssize_t)sizeof id)
        status = ares_create_query(name, CLASS_IN, (int)q->type, id, 1, &packet, &size, 0);
    if (status == ARES_SUCCESS && size > FLAGS_AT) {
        packet[FLAGS_AT] |= AUTHENTIC_DATA;
        ares_send(q->dns->channel, packet, size, on_reply, q);
    } else {
        on_reply(q, status, 0, NULL, 0);
    }
    ares_free_string(packet);
}

/* Put the next name to c-ares. False: there is none. */
static bool ask_next(struct dns_query *q)
{
    const char *name = q->names[q->asked];
    if (!name)
        return false;
    q->asked++;
    if (q->dns->asks_secure)
        ask_secure(q, name);
    else
        ares_query(q->dns->channel, name, CLASS_IN, (int)q->type, on_reply, q);
    return true;
}

/* Another name may be there; an answer that is no answer ends the search, so that trouble at one
 * name never sends mail to another. */
static bool goes_on(struct dns_query *q, int status)
{
    return (status == ARES_ENOTFOUND || status == ARES_ENODATA) && q->fn && !q->dns->is_closing &&
           ask_next(q);
}

/* What ares_query() would make of a reply that ares_send() has brought. */
static int reply_status(const unsigned char *data, int len)
{
    enum { HEADER_SIZE = 12, RCODE_AT = 3, RCODE_MASK = 0x0f, ANSWERS_AT = 6, NXDOMAIN = 3 };
    if (len < HEADER_SIZE)
        return ARES_EBADRESP;
    int rcode = data[RCODE_AT] & RCODE_MASK;
    bool is_empty = data[ANSWERS_AT] == 0 && data[ANSWERS_AT + 1] == 0;
    return rcode == NXDOMAIN        ? ARES_ENOTFOUND
           : rcode == 0 && is_empty ? ARES_ENODATA
                                    : ARES_SUCCESS;
}

static void on_reply(void *arg, int status, int timeouts, unsigned char *data, int len)
{
    (void)timeouts;
    struct dns_query *q = arg;
    bool is_reply = status == ARES_SUCCESS && data && len > 0;
    if (goes_on(q, is_reply ? reply_status(data, len) : status) || !is_awaited(q))
        return;
    if (is_reply)
        dns_answer_parse((struct slice){(const char *)data, (size_t)len}, q->name, q->type,
                         q->arena, &q->answer, &q->err);
    else
        fail(q, status);
    if (data && len > 0)
        q->answer.ttl = dns_ttl_of((struct slice){(const char *)data, (size_t)len});
}

static void on_hosts(void *arg, int status, int timeouts, struct ares_addrinfo *list)
{
    (void)timeouts;
    struct dns_query *q = arg;
    if (is_awaited(q)) {
        if (status == ARES_SUCCESS)
            dns_answer_hosts(list, q->name, q->arena, &q->answer, &q->err);
        else
            fail(q, status);
    }
    ares_freeaddrinfo(list);
}

void dns_set_search(struct dns *dns, bool short_names, bool more)
{
    dns->search_short = short_names;
    dns->search_more = more;
}

static size_t count_dots(const char *name)
{
    size_t dots = 0;
    for (; *name; name++)
        dots += *name == '.';
    return dots;
}

/* The names to ask for: as it is, and with the domains of resolv.conf. */
static void list_names(struct dns_query *q)
{
    struct ares_options options = {0};
    int mask;
    size_t count = 0, dots = count_dots(q->name), len = strlen(q->name);
    bool is_wanted = dots ? q->dns->search_more && q->name[len - 1] != '.' : q->dns->search_short;
    q->names[0] = q->name;
    /* what is asked about a name that was found is not asked about another */
    if (q->type == DNS_TLSA || q->type == DNS_CNAME)
        is_wanted = false;
    if (!is_wanted || len == 0 ||
        ares_save_options(q->dns->channel, &options, &mask) != ARES_SUCCESS)
        return;
    size_t domains = MIN((size_t)options.ndomains, q->dns->search_more ? SEARCH_MAX - 1U : 1U);
    bool is_first = dots >= (size_t)MAX(options.ndots, 1);
    count = is_first;
    for (size_t i = 0; i < domains; i++)
        q->names[count++] = arena_printf(q->arena, "%s.%s", q->name, options.domains[i]);
    if (!is_first)
        q->names[count] = q->name;
    ares_destroy_options(&options);
}

/* What is no name is asked for as it is: it does not exist. */
static const char *name_in_dns(struct arena *arena, const char *name)
{
    CLEANUP(strbuf_done) struct strbuf ace = STRBUF_ANY;
    bool is_other = !text_is_ascii(slice_of(name)) && dns_ace(name, &ace);
    return arena_strdup(arena, is_other ? ace.s : name);
}

struct dns_query *dns_query_start(struct dns *dns, const char *name, enum dns_type type, dns_fn fn,
                                  void *owner)
{
    struct dns_query *q = xzalloc(sizeof *q);
    q->dns = dns;
    q->fn = fn;
    q->owner = owner;
    q->arena = arena_new("dns_query");
    q->name = name_in_dns(q->arena, name);
    q->type = type;
    q->done = (struct later){.fn = on_done, .owner = q};
    q->next = dns->queries;
    q->link = &dns->queries;
    if (q->next)
        q->next->link = &q->next;
    dns->queries = q;
    struct ares_addrinfo_hints hints = {
        .ai_family = dns->host_family, .ai_socktype = SOCK_STREAM, .ai_flags = ARES_AI_NOSORT};
    if (type == DNS_HOST)
        ares_getaddrinfo(dns->channel, q->name, NULL, &hints, on_hosts, q);
    if (type != DNS_HOST) {
        list_names(q);
        ask_next(q);
    }
    dns_rearm(dns);
    return q;
}

void dns_query_cancel(struct dns_query *q)
{
    if (!q)
        return;
    if (q->is_answered)
        query_free(q);
    else
        q->fn = NULL; /* freed when c-ares has done with it */
}

bool dns_reverse_name(const char *address, struct strbuf *out)
{
    unsigned char bytes[sizeof(struct in6_addr)];
    if (inet_pton(AF_INET, address, bytes) == 1) {
        strbuf_addf(out, "%u.%u.%u.%u.in-addr.arpa", bytes[3], bytes[2], bytes[1], bytes[0]);
        return true;
    }
    if (inet_pton(AF_INET6, address, bytes) != 1)
        return false;
    for (size_t i = sizeof bytes; i-- > 0;)
        strbuf_addf(out, "%x.%x.", bytes[i] & 0xfU, bytes[i] >> 4U);
    strbuf_add_str(out, "ip6.arpa");
    return true;
}
