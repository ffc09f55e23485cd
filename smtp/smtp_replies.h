/*
 * smtp_replies: what servers say, as smtp_reply_filter (lmtp_reply_filter) wants it to be said.
 */
#ifndef SMTP_SMTP_REPLIES_H
#define SMTP_SMTP_REPLIES_H

#include "smtp/smtp_session.h"

void smtp_replies_open(void); /* before the jail */
bool smtp_replies_have_changed(void);

/* Input for the parser of replies: without a filter all there is, with one a line at a time. True
 * with RET empty: no whole line is there. False: the table cannot answer, which was logged. */
bool smtp_replies_peek(struct smtp_session *s, struct slice *ret);
void smtp_replies_consume(struct smtp_session *s, size_t len);
/* Is it worth to peek again when what was peeked is consumed? */
bool smtp_replies_may_follow(const struct smtp_session *s);

#endif
