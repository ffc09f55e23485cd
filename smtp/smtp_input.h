/* smtp_input: what comes from the server, reply by reply. */
#ifndef SMTP_SMTP_INPUT_H
#define SMTP_SMTP_INPUT_H

#include "smtp/smtp_session.h"

void smtp_input(struct smtp_session *s); /* there is some; S may be gone afterwards */

#endif
