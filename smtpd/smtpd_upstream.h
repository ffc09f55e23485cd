/* smtpd_upstream: smtpd_upstream_proxy_protocol: a load balancer in front of the server says who
 * the client is, before anything else is said. */
#ifndef SMTPD_SMTPD_UPSTREAM_H
#define SMTPD_SMTPD_UPSTREAM_H

struct smtpd_server;
struct smtpd_session;

/* Sets has_upstream; a protocol we do not know is fatal. */
void smtpd_upstream_open(struct smtpd_server *server);
/* Read the header from FD, then smtpd_session_connected(). */
void smtpd_upstream_start(struct smtpd_session *s, int fd);

#endif
