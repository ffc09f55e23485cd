/*
 * delivery_msg: qmgr's order to a delivery program and the report that comes back
 * (docs/protocol/delivery.md).
 *
 * Over private/TRANSPORT, one order at a time on a connection, the connection kept for the next
 * one. The program marks, logs, bounces and defers each recipient itself; the report tells qmgr
 * only whether something is left to do and, for the feedback of concurrency, whether the
 * destination failed.
 */
#ifndef MAIL_DELIVERY_MSG_H
#define MAIL_DELIVERY_MSG_H

#include "mail/envelope.h"

enum delivery_kind { DELIVERY_REQUEST = 0x301, DELIVERY_REPORT };

enum delivery_flags {
    DELIVERY_SUCCESS_NOTIFY = 1 << 0,   /* some recipient wants success notices */
    DELIVERY_BOUNCE_HARD = 1 << 1,      /* deferred recipients bounce now (message expired, soft) */
    DELIVERY_CONNECTION_LOAD = 1 << 2,  /* look for a cached session */
    DELIVERY_CONNECTION_STORE = 1 << 3, /* keep the session for the next */
    DELIVERY_TRACE_ONLY = 1 << 4,       /* -bv, verify probes: report, do not deliver */
    DELIVERY_TRACE_RECORD = 1 << 5,     /* -v */
    DELIVERY_DELAY_CLEARED = 1 << 6,    /* a delay was told of, so is its end */
};

// clang-format off
#define DELIVERY_REQUEST_FIELDS(F)                                                                 \
    F(TEXT, queue_name) F(TEXT, queue_id) F(TEXT, transport) F(TEXT, nexthop) F(INT, flags)        \
    F(INT, active_at_us)   /* wall clock, microseconds: taken into active */                       \
    F(INT, sent_at_us)     /* this order was sent */                                               \
    F(LIST, envelopes, envelope)   /* one; its recipients are those to deliver to */
// clang-format on
MSG_DECLARE(delivery_request, DELIVERY_REQUEST_FIELDS)

/* bits; 0: every recipient is marked done */
enum delivery_report_status {
    DELIVERY_REPORT_LEFT = 1 << 0,    /* some were deferred and stay */
    DELIVERY_REPORT_BOUNCED = 1 << 1, /* the message has a bounce log now */
    DELIVERY_REPORT_TRACED = 1 << 2,  /* and a trace log */
};
// clang-format off
#define DELIVERY_REPORT_FIELDS(F)                                                                  \
    F(INT, status)                                                                                 \
    F(TEXT, dsn)    /* the destination could not be used: enhanced code; "" when it answered */    \
    F(TEXT, reason) F(TEXT, diag_type) F(TEXT, diag_text) F(TEXT, mta_name)
// clang-format on
MSG_DECLARE(delivery_report, DELIVERY_REPORT_FIELDS)

#endif
