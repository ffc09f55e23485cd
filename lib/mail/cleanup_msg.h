/*
 * cleanup_msg: how programs hand a new message to cleanup (docs/protocol/cleanup.md).
 *
 * Over public/cleanup, one message at a time on a connection, the connection kept for the next one:
 *   client  CLEANUP_OPEN    cleanup_open      (flags)
 *   cleanup CLEANUP_OPENED  cleanup_opened    (queue id; the file exists, nothing is promised)
 *   client  CLEANUP_RECORDS raw records, any number of frames, records never split between frames:
 *                           envelope (T A F S ... O R), M, content (N L), X, extracted, E
 *   cleanup CLEANUP_DONE    cleanup_done      after E: status 0 means stored and synced
 *   client  CLEANUP_MILTERS cleanup_milters   before E, if CLEANUP_OPEN announced mail filters:
 * what was agreed on with them. Their connections come as descriptors with CLEANUP_OPEN, and are
 * cleanup's from E until CLEANUP_DONE. client  CLEANUP_ABORT   drops the message; answered by
 * CLEANUP_DONE with CLEANUP_STAT_ABORTED A client that disconnects before E leaves nothing behind.
 */
#ifndef MAIL_CLEANUP_MSG_H
#define MAIL_CLEANUP_MSG_H

#include "ipc/msg.h"

// clang-format off
enum cleanup_kind {
    CLEANUP_OPEN = 0x101, CLEANUP_OPENED, CLEANUP_RECORDS, CLEANUP_DONE, CLEANUP_ABORT,
    CLEANUP_MILTERS,
};
// clang-format on

/* what to do; Postfix's bits of the f record are not public */
enum cleanup_flags {
    CLEANUP_FLAG_BOUNCE = 1 << 0,  /* bounce a bad message instead of refusing it (pickup) */
    CLEANUP_FLAG_FILTER = 1 << 1,  /* header_checks, body_checks, milters */
    CLEANUP_FLAG_HOLD = 1 << 2,    /* into hold */
    CLEANUP_FLAG_DISCARD = 1 << 3, /* accept and drop */
    CLEANUP_FLAG_BCC = 1 << 4,     /* always_bcc and the bcc maps */
    CLEANUP_FLAG_MAP = 1 << 5,     /* canonical, virtual, masquerade */
    CLEANUP_FLAG_MILTER = 1 << 6,
    CLEANUP_FLAG_SMTPUTF8 = 1 << 7,    /* SMTPUTF8 was requested */
    CLEANUP_FLAG_AUTO_UTF8 = 1 << 8,   /* detect it (local submission) */
    CLEANUP_FLAG_ADD_MISSING = 1 << 9, /* add Date, Message-Id, From to what is not local, too */
    CLEANUP_FLAG_REQUIRETLS = 1 << 10, /* REQUIRETLS was requested */
};
#define CLEANUP_FLAGS_EXTERNAL                                                                     \
    (CLEANUP_FLAG_FILTER | CLEANUP_FLAG_BCC | CLEANUP_FLAG_MAP | CLEANUP_FLAG_MILTER)
#define CLEANUP_FLAGS_INTERNAL CLEANUP_FLAG_MAP

/* bits of cleanup_done.status; 0: accepted */
enum cleanup_status {
    CLEANUP_STAT_BAD = 1 << 0,        /* internal protocol error */
    CLEANUP_STAT_WRITE = 1 << 1,      /* queue file write error */
    CLEANUP_STAT_SIZE = 1 << 2,       /* message file too big */
    CLEANUP_STAT_CONTENT = 1 << 3,    /* refused by content checks */
    CLEANUP_STAT_HOPS = 1 << 4,       /* too many hops */
    CLEANUP_STAT_RECIPIENTS = 1 << 5, /* no recipients */
    CLEANUP_STAT_PROXY = 1 << 6,
    CLEANUP_STAT_DEFER = 1 << 7, /* temporary: table down, too many rewrites */
    CLEANUP_STAT_NOPERM = 1 << 8,
    CLEANUP_STAT_ABORTED = 1 << 9,
    CLEANUP_STAT_ALIAS = 1 << 10, /* alias expansion limits */
};

// clang-format off
#define CLEANUP_OPEN_FIELDS(F) F(INT, flags) F(INT, session) F(INT, milters)
#define CLEANUP_OPENED_FIELDS(F) F(TEXT, queue_id)
// clang-format on
/* reason: "" or text with leading enhanced status code for the client ("5.7.1 message content
 * rejected") */
// clang-format off
#define CLEANUP_DONE_FIELDS(F) F(INT, status) F(TEXT, queue_id) F(TEXT, reason) F(INT, smtp_code)
// clang-format on
MSG_DECLARE(cleanup_open, CLEANUP_OPEN_FIELDS)
MSG_DECLARE(cleanup_opened, CLEANUP_OPENED_FIELDS)
MSG_DECLARE(cleanup_done, CLEANUP_DONE_FIELDS)

/* The mail filters, as lib/milter describes them (struct milter_state), in the order of their
 * descriptors; without a connection (the descriptor is of no use then) outcome is their answer. */
// clang-format off
#define CLEANUP_MACRO_FIELDS(F) F(TEXT, name) F(TEXT, value)
#define CLEANUP_MILTER_FIELDS(F)                                                                   \
    F(TEXT, name) F(INT, version) F(INT, actions) F(INT, protocol) F(INT, content_ms)              \
    F(INT, fallback) F(INT, has_connection) F(INT, outcome) F(TEXT, text)                          \
    F(TEXT, header_macros) F(TEXT, end_macros)
#define CLEANUP_MILTERS_FIELDS(F)                                                                  \
    F(LIST, milters, cleanup_milter) F(LIST, macros, cleanup_macro)
// clang-format on
MSG_DECLARE(cleanup_macro, CLEANUP_MACRO_FIELDS)
MSG_DECLARE(cleanup_milter, CLEANUP_MILTER_FIELDS)
MSG_DECLARE(cleanup_milters, CLEANUP_MILTERS_FIELDS)

/* Standard enhanced code and text for a status (the worst bit decides): 451 "4.3.0 Error: queue
 * file write error", 552 "5.3.4 Error: message file too big", 554 "5.4.0 Error: too many hops" */
void cleanup_status_text(int64_t status, int *ret_code, const char **ret_text);

#endif
