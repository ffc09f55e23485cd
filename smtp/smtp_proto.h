/*
 * smtp_proto: the dialogue of a session as a table of steps.
 */
#ifndef SMTP_SMTP_PROTO_H
#define SMTP_SMTP_PROTO_H

#include "smtp/smtp_session.h"

void smtp_proto_begin(struct smtp_session *s);   /* it is connected */
void smtp_proto_secured(struct smtp_session *s); /* TLS is on */
/* Part of a reply has come: the limit is for each read, but with smtp_per_request_deadline. */
void smtp_proto_await_more(struct smtp_session *s);
/* A reply has come, s->reply. False: the session is no longer its delivery's (and may be gone). */
bool smtp_proto_reply(struct smtp_session *s);
void smtp_proto_send(struct smtp_session *s);        /* go on sending, as far as may be */
void smtp_proto_probe(struct smtp_session *s);       /* a session from the cache: RSET */
void smtp_proto_abort(struct smtp_session *s);       /* RSET, then QUIT */
void smtp_proto_transaction(struct smtp_session *s); /* XFORWARD, MAIL, ... for s->delivery */
/* AUTH, or a response of it: LINE, with its end. */
void smtp_proto_authenticate(struct smtp_session *s, const char *line);
/* All content is in the output buffer: send the final dot and await the replies. */
void smtp_proto_end_of_data(struct smtp_session *s);

/* A table cannot answer: the mail waits, and the session, which must have a delivery, is gone. */
void smtp_proto_data_error(struct smtp_session *s);

const char *smtp_proto_command_name(enum smtp_step step); /* "RCPT TO" */
const char *smtp_proto_doing(enum smtp_step step);        /* "sending RCPT TO" */
int64_t smtp_proto_wall_us(void);

#endif
