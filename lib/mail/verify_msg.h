/*
 * verify_msg: what is known of addresses, over private/verify (docs/protocol/verify.md). One
 * question, one VERIFY_STATUS answer, in order.
 */
#ifndef MAIL_VERIFY_MSG_H
#define MAIL_VERIFY_MSG_H

#include "ipc/msg.h"

enum verify_kind {
    VERIFY_QUERY = 0x901, /* verify_query: what is known? Starts a probe when that is due */
    VERIFY_UPDATE,        /* verify_update: the outcome of a probe */
    VERIFY_STATUS,        /* verify_status; after an update without meaning but "received" */
};

/* as in the cache, whose files are Postfix's */
enum verify_result {
    VERIFY_OK,
    VERIFY_DEFERRED,
    VERIFY_BOUNCED,
    VERIFY_TODO, /* not known yet: a probe is under way */
};

#define VERIFY_QUERY_FIELDS(F)  F(TEXT, address)
#define VERIFY_UPDATE_FIELDS(F) F(TEXT, address) F(INT, result) F(TEXT, text)
#define VERIFY_STATUS_FIELDS(F) F(INT, result) F(TEXT, text)
MSG_DECLARE(verify_query, VERIFY_QUERY_FIELDS)
MSG_DECLARE(verify_update, VERIFY_UPDATE_FIELDS)
MSG_DECLARE(verify_status, VERIFY_STATUS_FIELDS)

enum { VERIFY_ADDRESS_MAX = 1024, VERIFY_TEXT_MAX = 1024 };

#endif
