/*
 * smtp_notice: the lines of a session, for the log (debug_peer_list) and, when the server breaks
 * the protocol or says that we did, for the postmaster (notify_classes).
 */
#ifndef SMTP_SMTP_NOTICE_H
#define SMTP_SMTP_NOTICE_H

#include "mail/notice.h"
#include "smtp/smtp_session.h"

void smtp_notice_open(void); /* before the jail */
void smtp_notice_start(struct loop *loop);
bool smtp_notice_tables_changed(void);

void smtp_notice_begin(struct smtp_session *s); /* it is connected */
/* A command; only the name of the step is told of one that may have a password in it. */
void smtp_notice_said(struct smtp_session *s, enum smtp_step step, struct slice line);
void smtp_notice_heard(struct smtp_session *s); /* s->reply, to s->recv */
void smtp_notice_garbage(struct smtp_session *s, struct slice line);
/* Tell what there is to tell, and begin anew. */
void smtp_notice_end(struct smtp_session *s);

#endif
