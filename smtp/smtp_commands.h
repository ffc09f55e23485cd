/* smtp_commands: MAIL and RCPT with the parameters that the server knows. */
#ifndef SMTP_SMTP_COMMANDS_H
#define SMTP_SMTP_COMMANDS_H

#include "smtp/smtp_delivery.h"

void smtp_commands_mail(const struct smtp_session *s, const struct smtp_delivery *d,
                        struct strbuf *out);
void smtp_commands_rcpt(const struct smtp_session *s, const struct smtp_rcpt *r,
                        struct strbuf *out);
/* Is the content 8-bit, and the server says it takes 7-bit only? */
bool smtp_commands_must_downgrade(const struct smtp_session *s, const struct smtp_delivery *d);

#endif
