/* smtpd_cmd: the handlers of the command table; ARGS is the rest of the line, blanks trimmed. */
#ifndef SMTPD_SMTPD_CMD_H
#define SMTPD_SMTPD_CMD_H

#include "esmtp/esmtp_reply.h"

struct smtpd_session;
struct cleanup_done;

struct reply smtpd_cmd_helo(struct smtpd_session *s, struct slice args);
struct reply smtpd_cmd_ehlo(struct smtpd_session *s, struct slice args);
struct reply smtpd_cmd_mail(struct smtpd_session *s, struct slice args);
struct reply smtpd_cmd_rcpt(struct smtpd_session *s, struct slice args);
struct reply smtpd_cmd_data(struct smtpd_session *s, struct slice args);
struct reply smtpd_cmd_bdat(struct smtpd_session *s, struct slice args);
struct reply smtpd_cmd_rset(struct smtpd_session *s, struct slice args);
struct reply smtpd_cmd_noop(struct smtpd_session *s, struct slice args);
struct reply smtpd_cmd_vrfy(struct smtpd_session *s, struct slice args);
struct reply smtpd_cmd_etrn(struct smtpd_session *s, struct slice args);
struct reply smtpd_cmd_quit(struct smtpd_session *s, struct slice args);
struct reply smtpd_cmd_help(struct smtpd_session *s, struct slice args);
struct reply smtpd_cmd_auth(struct smtpd_session *s, struct slice args);
struct reply smtpd_cmd_starttls(struct smtpd_session *s, struct slice args);
struct reply smtpd_cmd_xclient(struct smtpd_session *s, struct slice args);
struct reply smtpd_cmd_xforward(struct smtpd_session *s, struct slice args);
/* ARGS: the verb that is none */
struct reply smtpd_cmd_unknown(struct smtpd_session *s, struct slice args);

/* A HELO name made fit for headers and log lines. smtpd_cmd_helo.c */
char *smtpd_helo_clean(struct slice name);

/* Content that came: consume what can be used of it. smtpd_cmd_data.c, smtpd_cmd_bdat.c */
void smtpd_data_input(struct smtpd_session *s);
void smtpd_bdat_input(struct smtpd_session *s);
/* The end of the message was reached: what is the reply? smtpd_end_of_data.c */
struct reply smtpd_end_of_data(struct smtpd_session *s);
/* The reply when the destination does not take the message; DONE NULL: it broke. */
const char *smtpd_sink_refusal(struct smtpd_session *s, const struct cleanup_done *done);
/* The destination is done with the message, or failed early. */
void smtpd_sink_done(struct smtpd_session *s, const struct cleanup_done *done);
/* Content goes to the sink from here on: headers first. */
void smtpd_content_begin(struct smtpd_session *s);
/* One line (TYPE N) or piece of a line (L). */
void smtpd_content_add(struct smtpd_session *s, int type, struct slice text);
/* Whole lines off the front of *IN, up to one that esmtp_data_next() has to look at. */
void smtpd_content_add_lines(struct smtpd_session *s, struct slice *in);

#endif
