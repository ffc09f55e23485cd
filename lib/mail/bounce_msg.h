/*
 * bounce_msg: keeping per-recipient delivery status and asking for reports: the protocol of the
 * services bounce, defer and trace (docs/protocol/bounce.md). One question, one BOUNCE_STATUS
 * answer.
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

// clang-format off
#define DELIVERY_STATUS_FIELDS(F)                                                                  \
    F(TEXT, dsn) F(TEXT, action) /* failed delayed delivered relayed expanded deliverable ... */   \
    F(TEXT, reason) F(TEXT, diag_type) F(TEXT, diag_text) F(TEXT, mta_type) F(TEXT, mta_name)
// clang-format on
MSG_DECLARE(delivery_status, DELIVERY_STATUS_FIELDS)

// clang-format off
#define BOUNCE_APPEND_FIELDS(F)                                                                    \
    F(TEXT, queue_id) F(LIST, recipients, recipient) F(LIST, statuses, delivery_status)
// clang-format on
MSG_DECLARE(bounce_append, BOUNCE_APPEND_FIELDS)

// clang-format off
#define BOUNCE_FLUSH_FIELDS(F)                                                                     \
    F(TEXT, queue_name) F(TEXT, queue_id) F(TEXT, encoding) F(INT, smtputf8) F(TEXT, sender)       \
    F(TEXT, dsn_envid) F(INT, dsn_ret) F(TEXT, verp)
// clang-format on
MSG_DECLARE(bounce_flush, BOUNCE_FLUSH_FIELDS)

// clang-format off
#define BOUNCE_ONE_FIELDS(F)                                                                       \
    F(LIST, messages, bounce_flush) F(LIST, recipients, recipient) F(LIST, statuses, delivery_status)
// clang-format on
MSG_DECLARE(bounce_one, BOUNCE_ONE_FIELDS)

// clang-format off
#define BOUNCE_STATUS_FIELDS(F) F(INT, ok) F(TEXT, reason)
// clang-format on
MSG_DECLARE(bounce_status, BOUNCE_STATUS_FIELDS)

#endif
