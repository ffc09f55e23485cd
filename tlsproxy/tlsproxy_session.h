/*
 * tlsproxy_session: one connection with TLS at one side and plain text at the other.
 *
 * First the program that asks says what it wants, and gets an answer (mail/tlsproxy_msg.h); then it
 * sends the descriptor; then bytes go both ways until one side closes.
 */
#ifndef TLSPROXY_TLSPROXY_SESSION_H
#define TLSPROXY_TLSPROXY_SESSION_H

#include "io/loop.h"
#include "map/maps.h"

struct tls_server;

struct tlsproxy_server {
    struct loop *loop;
    struct tls_server *tls; /* NULL: there is no TLS to be had */
    bool needs_certificate;
    int loglevel;           /* where LOGLEVELS have nothing */
    struct maps *loglevels; /* NULL: none */
    int64_t trace_size;
    void (*on_session_end)(void);
};

/* FD: of the program that asks. */
void tlsproxy_session_start(struct tlsproxy_server *server, int fd);

#endif
