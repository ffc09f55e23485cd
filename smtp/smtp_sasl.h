/*
 * smtp_sasl: logging in to a server with AUTH (RFC 4954), when there is a password for it.
 */
#ifndef SMTP_SMTP_SASL_H
#define SMTP_SMTP_SASL_H

#include "config/config.h"
#include "smtp/smtp_delivery.h"

void smtp_sasl_open(void);               /* before the jail: plug-ins and tables */
void smtp_sasl_start(struct loop *loop); /* in the jail */
bool smtp_sasl_has_changed(void);

/* The server's offer in its reply to EHLO: what follows AUTH, once for each line of it. */
void smtp_sasl_offer(struct smtp_session *s, struct slice mechanisms);

enum smtp_sasl_next {
    SMTP_SASL_GO_ON,   /* nobody to log in as, or it is done */
    SMTP_SASL_WAIT,    /* smtp_proto_authenticate() follows, or the delivery hears of a failure */
    SMTP_SASL_IS_OVER, /* the delivery has heard of the failure, the session is not the caller's */
};
enum smtp_sasl_next smtp_sasl_begin(struct smtp_session *s);
/* s->reply, to AUTH or to a response. */
enum smtp_sasl_next smtp_sasl_on_reply(struct smtp_session *s);
void smtp_sasl_free(struct smtp_session *s); /* offer and login are forgotten */

/* May D's mail to NEXTHOP go over the session, as far as its login counts? */
bool smtp_sasl_fits(const struct smtp_session *s, const struct smtp_delivery *d,
                    const struct smtp_nexthop *nexthop);

#endif
