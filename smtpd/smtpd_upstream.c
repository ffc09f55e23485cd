/*
 * The header of a load balancer. Where it is missing or wrong the client is told to go: whom we
 * talk to is not known, and the balancer's own address is often one that may relay.
 */
#include "smtpd/smtpd_upstream.h"

#include "service/service_upstream.h"
#include "smtpd/smtpd_params.h"
#include "smtpd/smtpd_peer.h"
#include "smtpd/smtpd_server.h"
#include "smtpd/smtpd_session.h"

void smtpd_upstream_open(struct smtpd_server *server)
{
    server->has_upstream = service_upstream_is_set("smtpd_upstream_proxy_protocol",
                                                   smtpd_params.smtpd_upstream_proxy_protocol);
}

/* The session goes on, with what is known now. */
static void on_header(void *owner, int fd, const struct haproxy_peers *told)
{
    struct smtpd_session *s = owner;
    s->upstream = NULL;
    if (!told)
        s->flags |= SMTPD_SESSION_UPSTREAM_BAD;
    else if (told->is_proxied)
        smtpd_peer_set_addresses(&s->peer, told);
    smtpd_session_connected(s, fd);
}

void smtpd_upstream_start(struct smtpd_session *s, int fd)
{
    s->upstream = service_upstream_start(s->server->loop, fd,
                                         smtpd_params.smtpd_upstream_proxy_timeout, on_header, s);
}
