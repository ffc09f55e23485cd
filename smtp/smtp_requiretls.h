/* smtp_requiretls: mail that asks for REQUIRETLS (RFC 8689) goes to servers that keep it, as far as
 * smtp_requiretls_policy wants it. */
#ifndef SMTP_SMTP_REQUIRETLS_H
#define SMTP_SMTP_REQUIRETLS_H

#include "smtp/smtp_delivery.h"

void smtp_requiretls_open(void); /* before the jail */
bool smtp_requiretls_has_changed(void);

/* May the delivery's message go over the session? False: WHY says why not. When it may, and the
 * server knows of it, s->is_requiretls is set. */
bool smtp_requiretls_check(struct smtp_delivery *d, struct smtp_session *s, struct smtp_why *why);

#endif
