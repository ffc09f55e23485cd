/* smtpd_limits: smtpd_client_*_limit: what one client may do, counted by anvil. */
#ifndef SMTPD_SMTPD_LIMITS_H
#define SMTPD_SMTPD_LIMITS_H

#include "smtpd/smtpd_check.h"

/* Do limits apply to this client? Sets SMTPD_SESSION_LIMITED. */
void smtpd_limit_prepare(struct smtpd_session *s);
/* Count, then NEXT with the refusal when a limit is passed. */
struct reply smtpd_limit_connect(struct smtpd_session *s, smtpd_next_fn next);
struct reply smtpd_limit_mail(struct smtpd_session *s, smtpd_next_fn next);
struct reply smtpd_limit_rcpt(struct smtpd_session *s, smtpd_next_fn next);
/* New TLS sessions are counted when they are there, resumed ones never. */
struct reply smtpd_limit_starttls(struct smtpd_session *s, smtpd_next_fn next);
void smtpd_limit_count_tls(struct smtpd_session *s);
struct reply smtpd_limit_auth(struct smtpd_session *s, smtpd_next_fn next);
void smtpd_limit_disconnect(struct smtpd_session *s);

/* The address clients are counted under: their network when the prefix length says so. */
void smtpd_limit_key(const char *address, int prefix4, int prefix6, struct strbuf *out);

#endif
