/*
 * smtp_checks: smtp_header_checks, smtp_mime_header_checks, smtp_nested_header_checks and
 * smtp_body_checks (lmtp_...): what header_checks(5) calls filters while delivering mail.
 */
#ifndef SMTP_SMTP_CHECKS_H
#define SMTP_SMTP_CHECKS_H

#include "log/log.h"
#include "mail/content_action.h"

enum smtp_check {
    SMTP_CHECK_HEADER,
    SMTP_CHECK_MIME,
    SMTP_CHECK_NESTED,
    SMTP_CHECK_BODY,
};

void smtp_checks_open(void); /* before the jail */
bool smtp_checks_are_on(void);
bool smtp_checks_have_changed(void);

/* Look CONTENT up, a whole header or a piece of a body line, and log what the table orders.
 * CONTENT_REPLACE: OTHER takes its place. CONTENT_KEEP: OTHER, when not empty, goes in front of it.
 * ERR is filled when a table cannot answer; the mail must then not be sent. */
enum content_verdict smtp_checks(const struct log_tag *log, enum smtp_check kind,
                                 struct slice content, struct strbuf *other, struct err *err);

#endif
