/*
 * smtpd_proxy: smtpd_proxy_filter, the before-queue filter: mail goes to an SMTP server that looks
 * at it before anybody is responsible for it, and whose replies the client gets.
 *
 * One connection a message: EHLO, XFORWARD where offered, then the client's own MAIL and RCPT
 * commands. With speed_adjust the whole message is received first, into a file without a name. A
 * proxy belongs to the sink of a transaction; what asks the filter returns a pending reply.
 */
#ifndef SMTPD_SMTPD_PROXY_H
#define SMTPD_SMTPD_PROXY_H

#include "base/strbuf.h"
#include "smtpd/smtpd_check.h"

struct smtpd_proxy;
struct smtpd_server;
struct smtpd_session;

/* Read the parameters; bad ones are fatal. */
void smtpd_proxy_configure(struct smtpd_server *server);
/* Does the filter want the message in a file first (for the confinement of the process)? */
bool smtpd_proxy_needs_file(void);

struct smtpd_proxy *smtpd_proxy_new(struct smtpd_session *s);
void smtpd_proxy_free(struct smtpd_proxy *p); /* NULL is fine; says QUIT where that is polite */

/* The filter learns of the transaction: connect, hello, MAIL. NEXT gets its refusal. */
struct reply smtpd_proxy_mail(struct smtpd_session *s, smtpd_next_fn next);
/* RCPT with the command being answered. */
struct reply smtpd_proxy_rcpt(struct smtpd_session *s, smtpd_next_fn next);
/* Content is to follow. */
struct reply smtpd_proxy_data(struct smtpd_session *s, smtpd_next_fn next);
/* The message is complete: NEXT gets the filter's reply, a good one, too. */
struct reply smtpd_proxy_finish(struct smtpd_session *s, smtpd_next_fn next);

bool smtpd_proxy_is_pending(const struct smtpd_proxy *p);
/* Content as records; flushing sends it on as lines. */
struct strbuf *smtpd_proxy_buffer(struct smtpd_proxy *p);
void smtpd_proxy_flush(struct smtpd_proxy *p);
bool smtpd_proxy_is_full(const struct smtpd_proxy *p);
/* "proxy-accept: END-OF-MESSAGE: ..." or proxy-reject, by the reply's TEXT */
void smtpd_proxy_log_end(struct smtpd_session *s, const char *text);

/* smtpd_proxy_xforward.c: the XFORWARD commands that tell a filter, whose EHLO offered the
 * attributes OFFERED ("NAME ADDR ..."), of the client; a line each, without line ends. */
void smtpd_proxy_xforward(struct smtpd_session *s, struct slice offered, struct strbuf *out);

#endif
