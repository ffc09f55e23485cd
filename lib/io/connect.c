/*
 * connect: see the header. A look-up that nobody waits for any more cannot be stopped: it keeps
 * what it needs and frees it when its thread is done.
 */
#include "io/connect.h"

#include "base/strbuf.h"
#include "base/xmem.h"
#include "io/fd.h"
#include "io/sock.h"

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <sys/un.h>

struct lookup {
    struct connect *asker; /* NULL: cancelled */
    char *host, *port;
    struct addrinfo *list;
    int status;
};

struct connect {
    struct loop *loop;
    connect_fn fn;
    void *owner;
    struct timer *timer;
    struct later failure; /* for what fails at once */
    struct lookup *lookup;
    struct addrinfo *list, *at; /* addresses, the next one to try */
    struct watch *watch;
    int fd;
    struct err err; /* of the last address */
};

static void lookup_free(struct lookup *l)
{
    if (l->list)
        freeaddrinfo(l->list);
    free(l->host);
    free(l->port);
    free(l);
}

void connect_cancel(struct connect *c)
{
    if (!c)
        return;
    if (c->lookup)
        c->lookup->asker = NULL;
    if (c->list)
        freeaddrinfo(c->list);
    loop_later_cancel(c->loop, &c->failure);
    timer_free(c->timer);
    watch_free(c->watch);
    fd_done(&c->fd);
    free(c);
}

/* Tell the owner; C is gone. */
static void finish(struct connect *c, int fd)
{
    struct err err = c->err;
    connect_fn fn = c->fn;
    void *owner = c->owner;
    connect_cancel(c);
    fn(owner, fd, &err);
}

static void on_failure(void *owner)
{
    finish(owner, -1);
}

static void on_timeout(void *owner)
{
    struct connect *c = owner;
    err_set(&c->err, ERR_TEMP, "%s", strerror(ETIMEDOUT));
    finish(c, -1);
}

static void on_connected(void *owner, unsigned events);

/* Start with the next address; when none is left, fail at the end of the turn. */
static void try_next(struct connect *c)
{
    while (c->at) {
        const struct addrinfo *at = c->at;
        c->at = at->ai_next;
        c->fd = sock_connect_start(at->ai_addr, at->ai_addrlen, NULL, 0, &c->err);
        if (c->fd < 0)
            continue;
        c->watch = watch_new(c->loop, c->fd, WATCH_WRITE, on_connected, c);
        return;
    }
    loop_later(c->loop, &c->failure);
}

static void on_connected(void *owner, unsigned events)
{
    (void)events;
    struct connect *c = owner;
    int error = sock_error(c->fd);
    watch_free(c->watch);
    c->watch = NULL;
    if (error == 0) {
        finish(c, fd_take(&c->fd));
        return;
    }
    fd_done(&c->fd);
    err_set(&c->err, ERR_TEMP, "%s", strerror(error));
    try_next(c);
}

static int find_addresses(const char *host, const char *port, int flags, struct addrinfo **ret)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = flags};
    return getaddrinfo(*host ? host : NULL, port, &hints, ret);
}

static void lookup_run(void *job)
{
    struct lookup *l = job;
    l->status = find_addresses(l->host, l->port, 0, &l->list);
}

static void not_found(struct connect *c, const char *host, const char *port, int status)
{
    err_set(&c->err, ERR_TEMP, "host or service %s:%s not found: %s", host, port,
            gai_strerror(status));
    loop_later(c->loop, &c->failure);
}

static void lookup_done(void *job)
{
    struct lookup *l = job;
    struct connect *c = l->asker;
    if (c) {
        c->lookup = NULL;
        c->list = c->at = l->list;
        l->list = NULL;
        if (l->status == 0)
            try_next(c);
        else
            not_found(c, l->host, l->port, l->status);
    }
    lookup_free(l);
}

static bool split_inet(struct slice name, struct slice *ret_host, struct slice *ret_port)
{
    if (!slice_rsplit(name, ':', ret_host, ret_port) || ret_port->len == 0)
        return false;
    struct slice host = *ret_host;
    if (slice_starts(host, "[") && slice_ends(host, "]"))
        *ret_host = slice_first(slice_from(host, 1), host.len - 2);
    return true;
}

static void start_inet(struct connect *c, struct work_pool *pool, struct slice name)
{
    struct slice host, port;
    split_inet(name, &host, &port);
    struct lookup *l = xzalloc(sizeof *l);
    l->host = slice_dup(host);
    l->port = slice_dup(port);
    int status = find_addresses(l->host, l->port, AI_NUMERICHOST, &c->list);
    if (status != EAI_NONAME) {
        c->at = c->list;
        if (status == 0)
            try_next(c);
        else
            not_found(c, l->host, l->port, status);
        lookup_free(l);
        return;
    }
    l->asker = c;
    c->lookup = l;
    work_submit(pool, lookup_run, lookup_done, l);
}

static void start_unix(struct connect *c, struct slice path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (path.len >= sizeof to.sun_path) {
        err_set(&c->err, ERR_CONFIG, "%s", strerror(ENAMETOOLONG));
        loop_later(c->loop, &c->failure);
        return;
    }
    memcpy(to.sun_path, path.s, path.len);
    struct addrinfo one = {.ai_addr = (struct sockaddr *)&to, .ai_addrlen = sizeof to};
    c->at = &one;
    try_next(c);
}

enum kind { KIND_BAD, KIND_INET, KIND_UNIX };

static enum kind parse(const char *endpoint, struct slice *ret_name, struct err *err)
{
    struct slice type, host, port;
    if (!slice_split(slice_of(endpoint), ':', &type, ret_name) || ret_name->len == 0) {
        err_set(err, ERR_CONFIG, "need inet:host:port or unix:pathname instead of \"%s\"",
                endpoint);
        return KIND_BAD;
    }
    if (slice_eq(type, "unix") || slice_eq(type, "local"))
        return KIND_UNIX;
    if (!slice_eq(type, "inet"))
        err_set(err, ERR_CONFIG, "invalid transport name: %.*s in service: %s", SLICE_ARG(type),
                endpoint);
    else if (!split_inet(*ret_name, &host, &port))
        err_set(err, ERR_CONFIG, "need host:port instead of \"%.*s\"", SLICE_ARG(*ret_name));
    else
        return KIND_INET;
    return KIND_BAD;
}

bool connect_check(const char *endpoint, struct err *err)
{
    struct slice name;
    return parse(endpoint, &name, err) != KIND_BAD;
}

struct connect *connect_start(struct loop *loop, struct work_pool *pool, const char *endpoint,
                              int64_t timeout_ms, connect_fn fn, void *owner)
{
    struct connect *c = xzalloc(sizeof *c);
    struct slice name;
    *c = (struct connect){.loop = loop, .fn = fn, .owner = owner, .fd = -1};
    c->failure = (struct later){.fn = on_failure, .owner = c};
    c->timer = timer_new(loop, on_timeout, c);
    timer_start(c->timer, timeout_ms);
    switch (parse(endpoint, &name, &c->err)) {
    case KIND_INET:
        start_inet(c, pool, name);
        break;
    case KIND_UNIX:
        start_unix(c, name);
        break;
    case KIND_BAD:
        loop_later(loop, &c->failure);
        break;
    }
    return c;
}
