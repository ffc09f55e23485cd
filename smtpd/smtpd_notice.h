/*
 * smtpd_notice: the lines of a session, for the log (debug_peer_list) and for the postmaster
 * (notify_classes), and which kinds of trouble he is told of.
 *
 * Replies that refuse count as protocol errors, but for those that the table in smtpd_notice.c has,
 * and for those whose class was said before with smtpd_notice_class().
 */
#ifndef SMTPD_SMTPD_NOTICE_H
#define SMTPD_SMTPD_NOTICE_H

#include "esmtp/esmtp_reply.h"
#include "mail/notice.h"

struct smtpd_server;
struct smtpd_session;
struct smtpd_notice; /* of a session; NULL: nothing is collected */

void smtpd_notice_open(struct smtpd_server *server);
/* The client is known: do its lines matter? */
void smtpd_notice_begin(struct smtpd_session *s);
void smtpd_notice_heard(struct smtpd_session *s, struct slice line);
/* REPLY goes out, as WIRE. */
void smtpd_notice_said(struct smtpd_session *s, const struct reply *reply, struct slice wire);
/* The refusal that follows is trouble of CLASSES, of none if that is 0. */
void smtpd_notice_class(struct smtpd_session *s, unsigned classes);
/* There was trouble of CLASSES, whatever the reply is. */
void smtpd_notice_add(struct smtpd_session *s, unsigned classes);
/* A message was taken: what went before is forgiven. */
void smtpd_notice_forgive(struct smtpd_session *s);
/* A point where a new message may begin: a long transcript is told, if there is a reason to, and
 * dropped (smtpd_history_flush_threshold). */
void smtpd_notice_flush(struct smtpd_session *s);
/* The same when the reply that follows is in it. */
void smtpd_notice_flush_after_reply(struct smtpd_session *s);
/* The session is over: tell what there is to tell. True: ON_END will be called when that is done,
 * never from inside this call. */
bool smtpd_notice_end(struct smtpd_session *s, void (*on_end)(void));
void smtpd_notice_free(struct smtpd_session *s);

#endif
