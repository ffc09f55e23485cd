/*
 * smtpd_peer: who the client is: address, name from the address, and whether the name leads back.
 *
 * Resolvers block, so the look-up runs on the worker pool.
 */
#ifndef SMTPD_SMTPD_PEER_H
#define SMTPD_SMTPD_PEER_H

#include "io/haproxy.h"
#include "smtpd/smtpd_session.h"

/* Somebody on this host, without a network connection. */
void smtpd_peer_set_local(struct smtpd_peer *peer);
void smtpd_peer_from_socket(struct smtpd_peer *peer, int fd);
/* What a load balancer says of a connection. */
void smtpd_peer_set_addresses(struct smtpd_peer *peer, const struct haproxy_peers *peers);
/* Set the names; NAMADDR follows. */
void smtpd_peer_set_names(struct smtpd_peer *peer, const char *name, const char *reverse_name);
/* Look the name up, then smtpd_session_greet(). */
void smtpd_peer_lookup_start(struct smtpd_session *s);
void smtpd_peer_cancel(struct smtpd_peer_lookup *lookup); /* NULL is fine */
/* Does the client connect from an address of this host (inet_interfaces)? */
bool smtpd_peer_is_own_address(const struct smtpd_session *s);

#endif
