/* smtpd_ehlo: the keywords of the EHLO reply, and those that are left out. */
#ifndef SMTPD_SMTPD_EHLO_H
#define SMTPD_SMTPD_EHLO_H

#include "base/strbuf.h"

struct smtpd_session;

/* bits */
enum smtpd_ehlo_keyword {
    SMTPD_EHLO_PIPELINING = 1 << 0,
    SMTPD_EHLO_SIZE = 1 << 1,
    SMTPD_EHLO_VRFY = 1 << 2,
    SMTPD_EHLO_ETRN = 1 << 3,
    SMTPD_EHLO_DSNCODES = 1 << 4,
    SMTPD_EHLO_8BITMIME = 1 << 5,
    SMTPD_EHLO_DSN = 1 << 6,
    SMTPD_EHLO_SMTPUTF8 = 1 << 7,
    SMTPD_EHLO_CHUNKING = 1 << 8,
    SMTPD_EHLO_STARTTLS = 1 << 9,
    SMTPD_EHLO_AUTH = 1 << 10,
    SMTPD_EHLO_XCLIENT = 1 << 11,
    SMTPD_EHLO_XFORWARD = 1 << 12,
    SMTPD_EHLO_XVERP = 1 << 13,
    SMTPD_EHLO_REQUIRETLS = 1 << 14,
    SMTPD_EHLO_SILENT = 1 << 15, /* silent-discard: do not log it */
};

/* The bits of a list as in smtpd_discard_ehlo_keywords; unknown words get a warning. */
unsigned smtpd_ehlo_parse(const char *title, const char *list);
/* Which keywords does this client not get? Logs it. */
/* May this client mark mail with REQUIRETLS (RFC 8689)? */
bool smtpd_ehlo_has_requiretls(const struct smtpd_session *s);
void smtpd_ehlo_prepare(struct smtpd_session *s);
/* "250 host" and the keywords, lines separated by LF. */
void smtpd_ehlo_format(const struct smtpd_session *s, struct strbuf *out);

#endif
