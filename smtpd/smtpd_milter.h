/*
 * smtpd_milter: the mail filters of a session: what they are asked, and what their answers do to
 * the dialogue. About the content cleanup asks them; it is handed their connections (lib/milter).
 */
#ifndef SMTPD_SMTPD_MILTER_H
#define SMTPD_SMTPD_MILTER_H

#include "mail/cleanup_msg.h"
#include "milter/milters.h"
#include "smtpd/smtpd_check.h"

struct smtpd_server;

/* What main.cf says; what makes no sense is fatal, as no mail may pass unfiltered. */
void smtpd_milter_open(struct smtpd_server *server);
void smtpd_milter_close(struct smtpd_server *server);

/* The filters of a session; each point of the dialogue ends in NEXT's reply, as smtpd_check(). A
 * REFUSAL given to NEXT is logged already. */
struct reply smtpd_milter_connect(struct smtpd_session *s, smtpd_next_fn next);
struct reply smtpd_milter_helo(struct smtpd_session *s, smtpd_next_fn next);
struct reply smtpd_milter_mail(struct smtpd_session *s, smtpd_next_fn next);
struct reply smtpd_milter_rcpt(struct smtpd_session *s, smtpd_next_fn next);
struct reply smtpd_milter_data(struct smtpd_session *s, smtpd_next_fn next);
struct reply smtpd_milter_unknown(struct smtpd_session *s, struct slice verb, smtpd_next_fn next);
/* Tell those who want to hear of it that this recipient was REFUSED; NEXT gets that refusal. */
struct reply smtpd_milter_rejected(struct smtpd_session *s, const struct reply *refused,
                                   smtpd_next_fn next);

/* The transaction (or the greeting) is void: COUNT times, as filters hear it from Postfix. */
void smtpd_milter_abort(struct smtpd_session *s, unsigned count);
/* The end of the session, or of what XCLIENT ends. */
void smtpd_milter_end(struct smtpd_session *s);
bool smtpd_milter_is_pending(const struct smtpd_session *s);

/* The filters, NULL: none, or none any more for this message. */
struct milters *smtpd_milter_set(struct smtpd_session *s);

/* smtpd_milter_content.c */
/* Do they want to hear of the content? The descriptors of their connections, -1: none. */
size_t smtpd_milter_fds(struct smtpd_session *s, int fds[MILTER_MAX]);
/* All that cleanup has to know; the connections are cleanup's until smtpd_milter_resume(). */
void smtpd_milter_hand_over(struct smtpd_session *s, struct arena *arena,
                            struct cleanup_milters *ret);
void smtpd_milter_resume(struct smtpd_session *s, bool is_lost);
/* smtpd_milter_macros.c; CTX: the session */
const char *smtpd_milter_macro(void *ctx, struct slice name, struct strbuf *value);

#endif
