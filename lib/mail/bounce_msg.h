/*
 * bounce_msg: keeping per-recipient delivery status and asking for reports: the protocol of the
 * services bounce, defer and trace (docs/protocol/bounce.md). One question, one BOUNCE_STATUS answer.
 */
#ifndef MAIL_BOUNCE_MSG_H
#define MAIL_BOUNCE_MSG_H

#include "mail/envelope.h"

enum bounce_kind {
    BOUNCE_APPEND = 0x401, /* bounce_append: one status into the log of the service asked */
    BOUNCE_FLUSH,          /* bounce_flush: send the report of the log and remove the log */
    BOUNCE_WARN,           /* bounce_flush: delay notice; the log stays */
    BOUNCE_ONE,            /* bounce_one: one recipient's report right now, no log (VERP) */
    BOUNCE_DELETE,         /* bounce_flush: only remove the log */
    BOUNCE_STATUS,         /* bounce_status */
};

#define DELIVERY_STATUS_FIELDS(F)                                                                  \
    F(TEXT, dsn) F(TEXT, action) /* failed delayed delivered relayed expanded deliverable ... */   \
    F(TEXT, reason) F(TEXT, diag_type) F(TEXT, diag_text) F(TEXT, mta_type) F(TEXT, mta_name)
MSG_DECLARE(delivery_status, DELIVERY_STATUS_FIELDS)

#define BOUNCE_APPEND_FIELDS(F)                                                                    \
    F(TEXT, queue_id) F(LIST, recipients, recipient) F(LIST, statuses, delivery_status)
MSG_DECLARE(bounce_append, BOUNCE_APPEND_FIELDS)

#define BOUNCE_FLUSH_FIELDS(F)                                                                     \
    F(TEXT, queue_name) F(TEXT, queue_id) F(TEXT, encoding) F(INT, smtputf8) F(TEXT, sender)       \
    F(TEXT, dsn_envid) F(INT, dsn_ret) F(TEXT, verp)
MSG_DECLARE(bounce_flush, BOUNCE_FLUSH_FIELDS)

#define BOUNCE_ONE_FIELDS(F)                                                                       \
    F(LIST, messages, bounce_flush) F(LIST, recipients, recipient) F(LIST, statuses, delivery_status)
MSG_DECLARE(bounce_one, BOUNCE_ONE_FIELDS)

#define BOUNCE_STATUS_FIELDS(F) F(INT, ok) F(TEXT, reason)
MSG_DECLARE(bounce_status, BOUNCE_STATUS_FIELDS)

#endif
