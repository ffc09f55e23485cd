/*
 * pass: a connection on its way from the program that accepted it (postscreen) to a service of type
 * "pass" that serves it (smtpd).
 *
 * The giver connects to the service's socket and sends one frame, with the descriptor along; the
 * taker answers with one byte once it has both. Only then may the giver close its own copy: a taker
 * that dies before has said nothing to the client, which the giver still has.
 */
#ifndef SERVICE_PASS_H
#define SERVICE_PASS_H

#include "io/haproxy.h"
#include "ipc/msg.h"

enum { PASS_CONNECTION = 0xd01, PASS_TAKEN = 'T' };

/* Who talks to whom: the ends of the connection, or what a proxy in front said they are. Ports are
 * 0 and addresses "" for what is not known. */
#define PASS_PEER_FIELDS(F)                                                                        \
    F(TEXT, client_address)                                                                        \
    F(INT, client_port)                                                                            \
    F(TEXT, server_address)                                                                        \
    F(INT, server_port)
MSG_DECLARE(pass_peer, PASS_PEER_FIELDS)

/* Send FD, which stays the caller's, over CARRIER (non-blocking, just connected). */
bool pass_send(int carrier, int fd, const struct haproxy_peers *ends, struct err *err);

enum pass_status { PASS_READY, PASS_MORE, PASS_BAD };
/* Take what came over CARRIER and say so. READY: *RET_FD is the caller's, RET_ENDS is set, its
 * is_proxied unless the addresses are empty. MORE: nothing there yet. */
enum pass_status pass_recv(int carrier, int *ret_fd, struct haproxy_peers *ret_ends,
                           struct err *err);

#endif
