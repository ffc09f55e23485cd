/* cleanup_checks: header_checks, mime_header_checks, nested_header_checks, body_checks. */
#ifndef CLEANUP_CLEANUP_CHECKS_H
#define CLEANUP_CLEANUP_CHECKS_H

#include "cleanup/cleanup_message.h"
#include "mail/content_action.h"

enum cleanup_check {
    CLEANUP_CHECK_HEADER,
    CLEANUP_CHECK_MIME,
    CLEANUP_CHECK_NESTED,
    CLEANUP_CHECK_BODY,
    CLEANUP_CHECK_MILTER, /* headers that mail filters add */
};

/* Look TEXT up and do what the table says. CONTENT_REPLACE: REPLACEMENT takes its place. */
enum content_verdict cleanup_checks(struct cleanup_message *m, enum cleanup_check kind,
                                    struct slice text, struct strbuf *replacement);
/* "reject: header X: y from origin; from=<a> to=<b> proto=ESMTP helo=<c>: text". TEXT NULL: a fault
 * of the structure, of which Postfix does not say how it came. */
void cleanup_checks_log(struct cleanup_message *m, const char *action, const char *what,
                        struct slice content, const char *text);

#endif
