#include "postscreen/psc_upstream.h"

#include "base/text.h"
#include "base/xmem.h"
#include "config/common_params.h"
#include "config/own_networks.h"
#include "io/fd.h"
#include "io/haproxy.h"
#include "log/log.h"
#include "postscreen/postscreen_params.h"
#include "postscreen/psc_server.h"
#include "postscreen/psc_session.h"

#include <stdlib.h>
#include <strings.h>

struct psc_upstream {
    struct psc_server *server;
    struct haproxy_peers ends;
    int fd;
    struct watch *watch;
    struct timer *timer;
    struct haproxy_reader reader;
};

bool psc_upstream_is_set(void)
{
    const char *name = postscreen_params.postscreen_upstream_proxy_protocol;
    if (*name && strcasecmp(name, "haproxy") != 0)
        log_fatal("unsupported postscreen_upstream_proxy_protocol: %s", name);
    return *name;
}

static void upstream_free(struct psc_upstream *u)
{
    watch_free(u->watch);
    timer_free(u->timer);
    fd_done(&u->fd);
    free(u);
}

/* Whoever is there is no client of ours: nothing is said to it. */
static void fail(struct psc_upstream *u, const char *why)
{
    void (*on_end)(void) = u->server->on_session_end;
    CLEANUP(strbuf_done) struct strbuf header = STRBUF_ANY;
    if (u->reader.size) {
        strbuf_add_str(&header, ": ");
        text_add_escaped(&header, (struct slice){u->reader.bytes, u->reader.size});
    }
    log_warn(NULL, "haproxy read: %s%s", why, header.s);
    upstream_free(u);
    on_end();
}

static unsigned families(void)
{
    const char *protocols = common_params.inet_protocols;
    return (own_networks_uses(protocols, false) ? HAPROXY_IPV4 : 0U) |
           (own_networks_uses(protocols, true) ? HAPROXY_IPV6 : 0U);
}

static void go_on(struct psc_upstream *u)
{
    struct psc_server *server = u->server;
    struct haproxy_peers ends = u->ends;
    int fd = fd_take(&u->fd);
    upstream_free(u);
    psc_session_start(server, fd, &ends);
}

static void on_readable(void *owner, unsigned events)
{
    (void)events;
    struct psc_upstream *u = owner;
    struct haproxy_peers told;
    const char *why = NULL;
    switch (haproxy_read(&u->reader, u->fd, families(), &told, &why)) {
    case HAPROXY_MORE:
        return;
    case HAPROXY_BAD:
        fail(u, why);
        return;
    case HAPROXY_READY:
        if (told.is_proxied)
            u->ends = told;
        go_on(u);
    }
}

static void on_timeout(void *owner)
{
    struct psc_upstream *u = owner;
    u->reader.size = 0;
    fail(u, "timeout error");
}

void psc_upstream_start(struct psc_server *server, int fd, const struct haproxy_peers *ends)
{
    struct psc_upstream *u = xzalloc(sizeof *u);
    u->server = server;
    u->ends = *ends;
    u->fd = fd;
    u->watch = watch_new(server->loop, fd, WATCH_READ, on_readable, u);
    u->timer = timer_new(server->loop, on_timeout, u);
    timer_start(u->timer, postscreen_params.postscreen_upstream_proxy_timeout * 1000);
}
