#include "service/service_upstream.h"

#include "base/text.h"
#include "base/xmem.h"
#include "config/common_params.h"
#include "config/own_networks.h"
#include "io/fd.h"
#include "log/log.h"

#include <stdlib.h>
#include <strings.h>

struct service_upstream {
    int fd;
    service_upstream_fn fn;
    void *owner;
    struct watch *watch;
    struct timer *timer;
    struct haproxy_reader reader;
};

bool service_upstream_is_set(const char *name, const char *protocol)
{
    if (*protocol && strcasecmp(protocol, "haproxy") != 0)
        log_fatal("unsupported %s: %s", name, protocol);
    return *protocol;
}

void service_upstream_cancel(struct service_upstream *u)
{
    if (!u)
        return;
    watch_free(u->watch);
    timer_free(u->timer);
    fd_done(&u->fd);
    free(u);
}

static void finish(struct service_upstream *u, const struct haproxy_peers *told)
{
    service_upstream_fn fn = u->fn;
    void *owner = u->owner;
    int fd = fd_take(&u->fd);
    service_upstream_cancel(u);
    fn(owner, fd, told);
}

static void fail(struct service_upstream *u, const char *why)
{
    CLEANUP(strbuf_done) struct strbuf header = STRBUF_ANY;
    if (u->reader.size) {
        strbuf_add_str(&header, ": ");
        text_add_escaped(&header, (struct slice){u->reader.bytes, u->reader.size});
    }
    log_warn(NULL, "haproxy read: %s%s", why, header.s);
    finish(u, NULL);
}

static unsigned families(void)
{
    const char *protocols = common_params.inet_protocols;
    return (own_networks_uses(protocols, false) ? HAPROXY_IPV4 : 0U) |
           (own_networks_uses(protocols, true) ? HAPROXY_IPV6 : 0U);
}

static void on_readable(void *owner, unsigned events)
{
    (void)events;
    struct service_upstream *u = owner;
    struct haproxy_peers told;
    const char *why = NULL;
    switch (haproxy_read(&u->reader, u->fd, families(), &told, &why)) {
    case HAPROXY_MORE:
        return;
    case HAPROXY_BAD:
        fail(u, why);
        return;
    case HAPROXY_READY:
        finish(u, &told);
    }
}

static void on_timeout(void *owner)
{
    struct service_upstream *u = owner;
    u->reader.size = 0; /* as Postfix says it */
    fail(u, "timeout error");
}

struct service_upstream *service_upstream_start(struct loop *loop, int fd, int64_t seconds,
                                                service_upstream_fn fn, void *owner)
{
    struct service_upstream *u = xzalloc(sizeof *u);
    u->fd = fd;
    u->fn = fn;
    u->owner = owner;
    u->watch = watch_new(loop, fd, WATCH_READ, on_readable, u);
    u->timer = timer_new(loop, on_timeout, u);
    timer_start(u->timer, seconds * 1000);
    return u;
}
