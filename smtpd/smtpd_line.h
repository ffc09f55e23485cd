/* smtpd_line: lines out of a session's input: commands, and responses to challenges of AUTH. */
#ifndef SMTPD_SMTPD_LINE_H
#define SMTPD_SMTPD_LINE_H

#include "base/strbuf.h"

struct smtpd_session;

/* The next line. RET_COPY holds it, as the input buffer moves on; of one over the limit its
 * beginning. False: it has not come yet. */
bool smtpd_line_read(struct smtpd_session *s, struct strbuf *ret_copy, bool *ret_bare_lf);

#endif
