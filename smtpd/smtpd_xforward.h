/* smtpd_xforward: what a content filter says of the client it had the next message from; for log
 * lines only. Lasts until the end of the message. */
#ifndef SMTPD_SMTPD_XFORWARD_H
#define SMTPD_SMTPD_XFORWARD_H

#include "base/strbuf.h"

struct smtpd_session;

struct smtpd_xforward;
void smtpd_xforward_free(struct smtpd_xforward *x); /* NULL is fine */
/* The log_* attributes; the rewrite_context and queue id it gives, NULL when it does not. */
void smtpd_xforward_records(const struct smtpd_xforward *x, struct strbuf *out);
const char *smtpd_xforward_context(const struct smtpd_xforward *x); /* NULL is fine */
const char *smtpd_xforward_ident(const struct smtpd_xforward *x);   /* NULL is fine */
/* ", orig_queue_id=..., orig_client=..." */
void smtpd_xforward_log(const struct smtpd_xforward *x, struct strbuf *out);

#endif
