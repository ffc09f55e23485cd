/* psc_upstream: learns from a load balancer's header for whom a connection was made
 * (postscreen_upstream_proxy_protocol). */
#ifndef POSTSCREEN_PSC_UPSTREAM_H
#define POSTSCREEN_PSC_UPSTREAM_H

#include "base/base.h"

struct haproxy_peers;
struct psc_server;

/* Is a protocol set? One that does not exist is fatal. */
bool psc_upstream_is_set(void);
/* Read the header on FD, whose own ends are ENDS, then start the session. */
void psc_upstream_start(struct psc_server *server, int fd, const struct haproxy_peers *ends);

#endif
