/* smtpd_footer: replies as the client gets them: soft_bounce, and the text after refusals that
 * smtpd_reject_footer asks for. */
#ifndef SMTPD_SMTPD_FOOTER_H
#define SMTPD_SMTPD_FOOTER_H

#include "esmtp/esmtp_reply.h"

struct arena;
struct smtpd_session;

void smtpd_reply_format(const struct smtpd_session *s, const struct reply *reply,
                        struct strbuf *out);
/* Characters of VALUE that FILTER (with C escapes) does not list become '_'. */
void smtpd_footer_censor(const char *filter, const char *value, struct strbuf *out);

/* VALUE as text of a template that stands for itself. */
const char *smtpd_footer_quote(struct arena *arena, const char *value);

#endif
