/* smtpd_open: the destination of a transaction comes into being: with the first recipient, or with
 * MAIL (smtpd_delay_open_until_valid_rcpt = no). */
#ifndef SMTPD_SMTPD_OPEN_H
#define SMTPD_SMTPD_OPEN_H

#include "smtpd/smtpd_check.h"

/* Open it, log the client, then NEXT; with a refusal there is no destination. */
struct reply smtpd_open(struct smtpd_session *s, smtpd_next_fn next);

#endif
