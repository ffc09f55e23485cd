/*
 * The header of a load balancer. Where it is missing or wrong the client is told to go: whom we
 * talk to is not known, and the balancer's own address is often one that may relay.
 */
#include "smtpd/smtpd_upstream.h"

#include "base/text.h"
#include "base/xmem.h"
#include "config/common_params.h"
#include "config/own_networks.h"
#include "io/haproxy.h"
#include "smtpd/smtpd_params.h"
#include "smtpd/smtpd_peer.h"
#include "smtpd/smtpd_server.h"
#include "smtpd/smtpd_session.h"

#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

struct smtpd_upstream {
    struct smtpd_session *s;
    int fd; /* -1: given away */
    struct watch *watch;
    struct timer *timer;
    struct haproxy_reader reader;
};

void smtpd_upstream_open(struct smtpd_server *server)
{
    const char *name = smtpd_params.smtpd_upstream_proxy_protocol;
    server->has_upstream = name[0] != 0;
    if (server->has_upstream && strcasecmp(name, "haproxy") != 0)
        log_fatal("unsupported smtpd_upstream_proxy_protocol: %s", name);
}

void smtpd_upstream_free(struct smtpd_upstream *u)
{
    if (!u)
        return;
    watch_free(u->watch);
    timer_free(u->timer);
    if (u->fd >= 0)
        close(u->fd);
    free(u);
}

static unsigned families(void)
{
    const char *protocols = common_params.inet_protocols;
    return (own_networks_uses(protocols, false) ? HAPROXY_IPV4 : 0U) |
           (own_networks_uses(protocols, true) ? HAPROXY_IPV6 : 0U);
}

/* The session goes on, with what is known now. */
static void go_on(struct smtpd_upstream *u)
{
    struct smtpd_session *s = u->s;
    int fd = u->fd;
    u->fd = -1;
    s->upstream = NULL;
    smtpd_upstream_free(u);
    smtpd_session_connected(s, fd);
}

static void fail(struct smtpd_upstream *u, const char *why)
{
    CLEANUP(strbuf_done) struct strbuf header = STRBUF_ANY;
    if (u->reader.size) {
        strbuf_add_str(&header, ": ");
        text_add_escaped(&header, (struct slice){u->reader.bytes, u->reader.size});
    }
    log_warn(NULL, "haproxy read: %s%s", why, header.s);
    u->s->flags |= SMTPD_SESSION_UPSTREAM_BAD;
    go_on(u);
}

static void on_readable(void *owner, unsigned events)
{
    (void)events;
    struct smtpd_upstream *u = owner;
    struct haproxy_peers peers;
    const char *why = NULL;
    switch (haproxy_read(&u->reader, u->fd, families(), &peers, &why)) {
    case HAPROXY_MORE:
        return;
    case HAPROXY_BAD:
        fail(u, why);
        return;
    case HAPROXY_READY:
        if (peers.is_proxied)
            smtpd_peer_set_addresses(&u->s->peer, &peers);
        go_on(u);
    }
}

static void on_timeout(void *owner)
{
    struct smtpd_upstream *u = owner;
    u->reader.size = 0; /* as Postfix says it */
    fail(u, "timeout error");
}

void smtpd_upstream_start(struct smtpd_session *s, int fd)
{
    struct smtpd_upstream *u = xzalloc(sizeof *u);
    struct loop *loop = s->server->loop;
    u->s = s;
    u->fd = fd;
    u->watch = watch_new(loop, fd, WATCH_READ, on_readable, u);
    u->timer = timer_new(loop, on_timeout, u);
    timer_start(u->timer, smtpd_params.smtpd_upstream_proxy_timeout * 1000);
    s->upstream = u;
}
