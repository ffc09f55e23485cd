/*
 * smtp_tlsrpt: tells a collector of reports (RFC 8460) what came of TLS with servers of domains
 * that ask for reports: a datagram for each handshake, and for each session that did not come to
 * one. docs/protocol/tlsrpt.md.
 *
 * No delivery waits for it, and none fails by it: the question for the domain's TLSRPT record is
 * asked on the side.
 */
#ifndef SMTP_SMTP_TLSRPT_H
#define SMTP_SMTP_TLSRPT_H

#include "smtp/smtp_delivery.h"
#include "tls/tls_session.h"

void smtp_tlsrpt_open(void);  /* before the jail: which socket */
void smtp_tlsrpt_start(void); /* in the jail */

/* A handshake is over, and the server is whom the policy wants. */
void smtp_tlsrpt_succeeded(const struct smtp_session *s, const struct tls_info *info);
/* It is not, as INFO says. */
void smtp_tlsrpt_mismatched(const struct smtp_session *s, const struct tls_info *info);
/* TYPE: a result type of RFC 8460, section 4.3; REASON: in words, or NULL. */
void smtp_tlsrpt_failed(const struct smtp_session *s, const char *type, const char *reason);
/* No session is tried with the host of D's policy. */
void smtp_tlsrpt_refused(const struct smtp_delivery *d, const char *type, const char *reason);

#endif
