/* smtpd_greet: the greeting, or what a client hears in its place. */
#ifndef SMTPD_SMTPD_GREET_H
#define SMTPD_SMTPD_GREET_H

#include "esmtp/esmtp_reply.h"

struct smtpd_session;

/* The client is known, and the greeting or a refusal is due. */
void smtpd_greet(struct smtpd_session *s);
/* Begin again with another client address (XCLIENT): the greeting, or a refusal. */
struct reply smtpd_greet_again(struct smtpd_session *s);

#endif
