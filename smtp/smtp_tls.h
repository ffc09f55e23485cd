/*
 * smtp_tls: TLS of a session, as the delivery's policy wants it: STARTTLS or wrapped, the
 * handshake, and whether the server is the right one. RFC 3207, RFC 8314.
 */
#ifndef SMTP_SMTP_TLS_H
#define SMTP_SMTP_TLS_H

#include "config/config.h"
#include "smtp/smtp_session.h"

void smtp_tls_open(struct config *cfg); /* before the jail: keys and certificates */
void smtp_tls_start(struct loop *loop); /* in the jail */

bool smtp_tls_has_changed(void); /* one of its tables */

int smtp_tls_loglevel(void); /* of what is done before a handshake */

/* The policy for the delivery's next host, in d->policy. SMTP_TLS_REFUSED: there is none, d->why
 * says so. SMTP_TLS_ASKED: smtp_delivery_on_policy() follows, d->dane_lookup is the question. */
enum smtp_tls_policy_found { SMTP_TLS_FOUND, SMTP_TLS_REFUSED, SMTP_TLS_ASKED };
enum smtp_tls_policy_found smtp_tls_find_policy(struct smtp_delivery *d,
                                                const struct smtp_nexthop *nexthop,
                                                const struct smtp_host *host);

/* The server's extensions are known, and TLS is not on. */
enum smtp_tls_next {
    SMTP_TLS_GO_ON,    /* in the clear, or as it is */
    SMTP_TLS_STARTTLS, /* send it */
    SMTP_TLS_IS_OVER,  /* the delivery has heard of the failure, the session is not the caller's */
};
enum smtp_tls_next smtp_tls_decide(struct smtp_session *s);
/* The server refuses to start TLS: may mail go in the clear? False: the delivery has heard. */
bool smtp_tls_refused(struct smtp_session *s);
/* Begin the handshake; smtp_proto_secured() follows, or the delivery hears of the failure. False:
 * it has heard already. */
bool smtp_tls_handshake(struct smtp_session *s);
/* The session was kept, and has TLS: tell whom it is with. */
void smtp_tls_log_reuse(const struct smtp_session *s);
/* The session failed with TLS, and mail that has waited a while may go in the clear. */
bool smtp_tls_may_do_without(const struct smtp_session *s);
void smtp_tls_timed_out(const struct smtp_session *s); /* in the handshake: log it */

#endif
