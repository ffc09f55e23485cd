/*
 * smtp_send: the content of a message from the queue file into the session's output buffer, as much
 * at a time as the buffer takes.
 */
#ifndef SMTP_SMTP_SEND_H
#define SMTP_SMTP_SEND_H

#include "smtp/smtp_delivery.h"

struct smtp_send *smtp_send_new(struct smtp_delivery *d, struct smtp_session *s);
void smtp_send_free(struct smtp_send *send); /* NULL is fine */
/* Go on until the buffer is full or all is in it; then the final dot follows. A queue file that
 * cannot be read, or a table that cannot answer, ends the session and defers the mail: false, and
 * SEND and the session are gone. */
bool smtp_send_pump(struct smtp_send *send);
bool smtp_send_is_complete(const struct smtp_send *send);

/* flags=D: has the message a Delivered-To: header with the recipient's address? */
bool smtp_send_finds_loop(struct smtp_delivery *d, struct smtp_why *why);

#endif
