/* The client's address and name. */
#include "smtpd/smtpd_peer.h"

#include "base/argv.h"
#include "base/clock.h"
#include "base/xmem.h"
#include "config/common_params.h"
#include "io/sock.h"
#include "mail/peer_name.h"
#include "smtpd/smtpd_params.h"
#include "smtpd/smtpd_peer_cache.h"
#include "smtpd/smtpd_server.h"

#include <ifaddrs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { OWN_ADDRESSES_MS = 5000 }; /* how long the list of interfaces is believed */

struct smtpd_peer_lookup {
    struct smtpd_session *s; /* NULL: the session is gone */
    struct peer_name peer;
};

void smtpd_peer_set_names(struct smtpd_peer *peer, const char *name, const char *reverse_name)
{
    free(peer->name);
    free(peer->reverse_name);
    free(peer->namaddr);
    peer->name = xstrdup(name);
    peer->reverse_name = xstrdup(reverse_name);
    if (smtpd_params.smtpd_client_port_logging)
        peer->namaddr = xasprintf("%s[%s]:%u", name, peer->address, peer->port);
    else
        peer->namaddr = xasprintf("%s[%s]", name, peer->address);
}

void smtpd_peer_set_local(struct smtpd_peer *peer)
{
    peer->address = xstrdup("127.0.0.1");
    peer->family = AF_INET;
    peer->server_address = xstrdup("");
    smtpd_peer_set_names(peer, "localhost", "localhost");
}

void smtpd_peer_from_socket(struct smtpd_peer *peer, int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof address;
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    if (getpeername(fd, (struct sockaddr *)&address, &length) == 0 &&
        (address.ss_family == AF_INET || address.ss_family == AF_INET6)) {
        sock_address_text((struct sockaddr *)&address, &text);
        peer->address = xstrdup(text.s);
        peer->port = (uint16_t)sock_address_port((struct sockaddr *)&address);
        peer->family = strchr(text.s, ':') ? AF_INET6 : AF_INET;
        smtpd_peer_set_names(peer, "unknown", "unknown");
    } else {
        smtpd_peer_set_local(peer);
    }
    length = sizeof address;
    strbuf_reset(&text);
    if (getsockname(fd, (struct sockaddr *)&address, &length) == 0 &&
        (address.ss_family == AF_INET || address.ss_family == AF_INET6)) {
        sock_address_text((struct sockaddr *)&address, &text);
        peer->server_port = (uint16_t)sock_address_port((struct sockaddr *)&address);
    }
    free(peer->server_address);
    peer->server_address = xstrdup(text.s);
}

void smtpd_peer_set_addresses(struct smtpd_peer *peer, const struct haproxy_peers *peers)
{
    free(peer->address);
    free(peer->server_address);
    peer->address = xstrdup(peers->client_address);
    peer->server_address = xstrdup(peers->server_address);
    peer->port = peers->client_port;
    peer->server_port = peers->server_port;
    peer->family = (uint16_t)peers->family;
    smtpd_peer_set_names(peer, "unknown", "unknown");
}

static void run_lookup(void *job)
{
    struct smtpd_peer_lookup *l = job;
    peer_name_find(&l->peer);
}

static void lookup_done(void *job)
{
    struct smtpd_peer_lookup *l = job;
    const struct peer_name *p = &l->peer;
    struct smtpd_session *s = l->s;
    if (!p->temporary)
        smtpd_peer_cache_put(p->text,
                             !p->found      ? NULL
                             : p->confirmed ? p->name
                                            : "unknown",
                             p->found ? p->name : NULL);
    if (s) {
        s->lookup = NULL;
        if (p->error[0])
            log_warn(NULL, "%s", p->error);
        if (p->temporary)
            s->flags |= SMTPD_SESSION_SEEN_NAME_ERROR;
        if (p->found)
            smtpd_peer_set_names(&s->peer, p->confirmed ? p->name : "unknown", p->name);
        smtpd_session_greet(s);
    }
    free(l);
}

void smtpd_peer_cancel(struct smtpd_peer_lookup *lookup)
{
    if (lookup)
        lookup->s = NULL; /* lookup_done() frees it */
}

void smtpd_peer_lookup_start(struct smtpd_session *s)
{
    const char *name, *reverse_name;
    if (smtpd_params.smtpd_peername_lookup &&
        smtpd_peer_cache_get(s->peer.address, &name, &reverse_name)) {
        if (name)
            smtpd_peer_set_names(&s->peer, name, reverse_name);
        smtpd_session_greet(s);
        return;
    }
    struct smtpd_peer_lookup *l = xzalloc(sizeof *l);
    bool usable = smtpd_params.smtpd_peername_lookup && s->server->pool && s->peer.port &&
                  peer_name_init(&l->peer, s->peer.address, s->peer.port);
    if (!usable) {
        free(l);
        smtpd_session_greet(s);
        return;
    }
    l->s = s;
    s->lookup = l;
    work_submit(s->server->pool, run_lookup, lookup_done, l);
}

/* Asking the kernel takes a dozen system calls: too many for each session. */
static const struct argv *own_addresses(void)
{
    static struct argv own = ARGV_INIT;
    static int64_t expires_ms;
    struct ifaddrs *list = NULL;
    if (clock_now_ms() < expires_ms || getifaddrs(&list) != 0)
        return &own;
    expires_ms = clock_now_ms() + OWN_ADDRESSES_MS;
    argv_done(&own);
    for (struct ifaddrs *at = list; at; at = at->ifa_next) {
        int family = at->ifa_addr ? at->ifa_addr->sa_family : AF_UNSPEC;
        if (family != AF_INET && family != AF_INET6)
            continue;
        CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
        sock_address_text(at->ifa_addr, &text);
        argv_add(&own, text.s);
    }
    freeifaddrs(list);
    return &own;
}

bool smtpd_peer_is_own_address(const struct smtpd_session *s)
{
    return argv_has(own_addresses(), s->peer.address);
}
