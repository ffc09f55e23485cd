/* smtpd_path: the address of MAIL, RCPT and VRFY. */
#ifndef SMTPD_SMTPD_PATH_H
#define SMTPD_SMTPD_PATH_H

#include "base/strbuf.h"

struct smtpd_session;

/* "FROM:<address> options": false when the keyword (with its colon) is not there. */
bool smtpd_path_after(struct slice args, const char *keyword, struct slice *ret_path);
/* Take the address off PATH; false, with a log line, when it is none that mail can be sent to. The
 * null address is fine when MAY_BE_NULL. */
bool smtpd_path_parse(struct smtpd_session *s, const char *verb, struct slice path, bool strict,
                      bool may_be_null, struct strbuf *ret_address, struct slice *ret_options);
/* May ADDRESS have the domain it has without SMTPUTF8? False, with a log line, when it is not
 * ASCII. */
bool smtpd_path_domain_is_ascii(struct smtpd_session *s, const char *verb, struct slice path,
                                struct slice address);
/* What stands between the < and > of a path that was taken off PATH and left REST. */
struct slice smtpd_path_inner(struct slice path, struct slice rest);

#endif
