/*
 * service_upstream: before a session begins, a load balancer's header says for whom the connection
 * was made (smtpd_upstream_proxy_protocol, postscreen_upstream_proxy_protocol).
 */
#ifndef SERVICE_SERVICE_UPSTREAM_H
#define SERVICE_SERVICE_UPSTREAM_H

#include "io/haproxy.h"
#include "io/loop.h"

struct service_upstream;

/* Does the parameter NAME ask for a header? A PROTOCOL that does not exist is fatal. */
bool service_upstream_is_set(const char *name, const char *protocol);

/* Once, never from inside service_upstream_start(): the header of FD, which is the owner's from
 * then on; TOLD is NULL when there was none that can be used, which is logged. The reader is gone
 * then. */
typedef void (*service_upstream_fn)(void *owner, int fd, const struct haproxy_peers *told);

/* Read the header from FD, for SECONDS at the most, from the families of inet_protocols. */
struct service_upstream *service_upstream_start(struct loop *loop, int fd, int64_t seconds,
                                                service_upstream_fn fn, void *owner);
void service_upstream_cancel(struct service_upstream *u); /* closes FD; NULL is fine */

#endif
