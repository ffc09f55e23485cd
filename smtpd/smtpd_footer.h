/* smtpd_footer: replies as the client gets them: soft_bounce, and the text after refusals that
 * smtpd_reject_footer asks for. */
#ifndef SMTPD_SMTPD_FOOTER_H
#define SMTPD_SMTPD_FOOTER_H

#include "esmtp/esmtp_reply.h"

struct smtpd_session;

void smtpd_reply_format(const struct smtpd_session *s, const struct reply *reply,
                        struct strbuf *out);

#endif
