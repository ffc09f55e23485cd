/* smtp_ehlo: what greeting and EHLO reply say about the server. */
#ifndef SMTP_SMTP_EHLO_H
#define SMTP_SMTP_EHLO_H

#include "smtp/smtp_session.h"

/* TEXT: the first line after the code. Finds ESMTP, firewalls that rewrite SMTP, and ourselves. */
void smtp_ehlo_read_greeting(struct smtp_session *s, struct slice text);
void smtp_ehlo_read_reply(struct smtp_session *s); /* s->reply */
/* The server's name in its reply to EHLO or HELO is ours: mail would go round in circles. */
bool smtp_ehlo_is_myself(struct smtp_session *s);

/* One line of the reply, without code; pure, for tests. */
struct smtp_ehlo {
    unsigned features, xforward;
    int64_t size_limit;
    struct argv logins; /* what follows each AUTH */
};
void smtp_ehlo_add_line(struct smtp_ehlo *e, struct slice line);
bool smtp_ehlo_is_pix(struct slice greeting);

#endif
