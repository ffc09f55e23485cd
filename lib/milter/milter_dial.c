/* From an endpoint's name to a connected socket. */
#include "milter/milter_dial.h"

#include "base/xmem.h"
#include "io/sock.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ADDRESSES_MAX = 8 };

/* What the thread works on; it may outlive the dial. */
struct resolving {
    struct milter_dial *dial; /* NULL: nobody waits any more */
    char *host, *port;
    int status;
    struct sockaddr_storage addresses[ADDRESSES_MAX];
    socklen_t lengths[ADDRESSES_MAX];
    size_t count;
};

struct milter_dial {
    struct loop *loop;
    struct work_pool *pool;
    milter_dial_fn fn;
    void *owner;
    struct resolving *resolving; /* a thread has it */
    struct sockaddr_storage addresses[ADDRESSES_MAX];
    socklen_t lengths[ADDRESSES_MAX];
    size_t count, next;
    int fd;
    struct watch *watch;
    struct later later; /* for an outcome that is known at once */
    struct err err;
};

static void resolving_free(struct resolving *r)
{
    free(r->host);
    free(r->port);
    free(r);
}

void milter_dial_cancel(struct milter_dial *dial)
{
    if (!dial)
        return;
    if (dial->resolving)
        dial->resolving->dial = NULL;
    watch_free(dial->watch);
    loop_later_cancel(dial->loop, &dial->later);
    if (dial->fd >= 0)
        close(dial->fd);
    free(dial);
}

static void dial_over(struct milter_dial *dial)
{
    milter_dial_fn fn = dial->fn;
    void *owner = dial->owner;
    int fd = dial->fd;
    struct err err = dial->err;
    dial->fd = -1;
    milter_dial_cancel(dial);
    fn(owner, fd, &err);
}

static void dial_over_later(void *owner)
{
    dial_over(owner);
}

static void dial_next(struct milter_dial *dial);

static void dial_on_event(void *owner, unsigned events)
{
    (void)events;
    struct milter_dial *dial = owner;
    int error = sock_error(dial->fd);
    watch_free(dial->watch);
    dial->watch = NULL;
    if (error) {
        close(dial->fd);
        dial->fd = -1;
        err_set(&dial->err, ERR_TEMP, "%s", strerror(error));
        dial_next(dial);
        return;
    }
    dial_over(dial);
}

/* Try addresses until one gives something to wait for. */
static void dial_next(struct milter_dial *dial)
{
    while (dial->next < dial->count) {
        size_t i = dial->next++;
        dial->fd = sock_connect_start((struct sockaddr *)&dial->addresses[i], dial->lengths[i],
                                      NULL, 0, &dial->err);
        if (dial->fd < 0)
            continue;
        dial->watch = watch_new(dial->loop, dial->fd, WATCH_WRITE, dial_on_event, dial);
        return;
    }
    loop_later(dial->loop, &dial->later);
}

static void resolve(struct resolving *r, int flags)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = flags}, *list;
    r->status = getaddrinfo(r->host, r->port, &hints, &list);
    if (r->status != 0)
        return;
    for (struct addrinfo *at = list; at && r->count < ADDRESSES_MAX; at = at->ai_next) {
        memcpy(&r->addresses[r->count], at->ai_addr, at->ai_addrlen);
        r->lengths[r->count++] = at->ai_addrlen;
    }
    freeaddrinfo(list);
}

static void resolve_run(void *job)
{
    resolve(job, 0);
}

static void resolve_done(void *job)
{
    struct resolving *r = job;
    struct milter_dial *dial = r->dial;
    if (dial) {
        dial->resolving = NULL;
        if (r->status != 0)
            err_set(&dial->err, ERR_TEMP, "host or service %s:%s not found: %s", r->host, r->port,
                    gai_strerror(r->status));
        memcpy(dial->addresses, r->addresses, sizeof r->addresses);
        memcpy(dial->lengths, r->lengths, sizeof r->lengths);
        dial->count = r->count;
        dial_next(dial);
    }
    resolving_free(r);
}

/* Numbers need no thread. */
static void dial_inet(struct milter_dial *dial, struct slice host, struct slice port)
{
    if (slice_starts(host, "[") && slice_ends(host, "]"))
        host = slice_first(slice_from(host, 1), host.len - 2);
    struct resolving *r = xzalloc(sizeof *r);
    r->dial = dial;
    r->host = slice_dup(host.len ? host : slice_of("localhost"));
    r->port = slice_dup(port);
    dial->resolving = r;
    resolve(r, AI_NUMERICHOST | AI_NUMERICSERV);
    if (r->status == 0)
        resolve_done(r);
    else
        work_submit(dial->pool, resolve_run, resolve_done, r);
}

struct milter_dial *milter_dial_start(struct loop *loop, struct work_pool *pool,
                                      const char *endpoint, milter_dial_fn fn, void *owner)
{
    struct milter_dial *dial = xzalloc(sizeof *dial);
    dial->loop = loop;
    dial->pool = pool;
    dial->fn = fn;
    dial->owner = owner;
    dial->fd = -1;
    dial->later = (struct later){.fn = dial_over_later, .owner = dial};
    struct slice type, rest, host, port;
    bool has_type = slice_split(slice_of(endpoint), ':', &type, &rest);
    if (has_type && (slice_eq(type, "unix") || slice_eq(type, "local"))) {
        struct err err = ERR_INIT;
        dial->fd = sock_connect_unix_start(rest.s, &err);
        const char *reason = strrchr(err.reason, ':'); /* the path is the owner's to tell */
        err_set(&dial->err, ERR_TEMP, "%s", reason ? reason + 2 : err.reason);
        loop_later(loop, &dial->later);
    } else if (has_type && slice_rsplit(rest, ':', &host, &port)) {
        dial_inet(dial, host, port);
    } else {
        err_set(&dial->err, ERR_CONFIG, "no endpoint of a milter");
        loop_later(loop, &dial->later);
    }
    return dial;
}
