/* smtp_tls_status: what TLS a delivery was to have, and had, in a word for its log lines. */
#ifndef SMTP_SMTP_TLS_STATUS_H
#define SMTP_SMTP_TLS_STATUS_H

#include "smtp/smtp_delivery.h"

/* "tls=may", "tls=dane:may", "tls=may:none/requiretls:none", in D's arena; NULL: it is not to be
 * logged, or there was no session (S NULL). */
const char *smtp_tls_status(const struct smtp_delivery *d, const struct smtp_session *s);

#endif
