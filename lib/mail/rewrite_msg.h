/*
 * rewrite_msg: rewriting and resolving of addresses as a service (trivial-rewrite), for programs
 * that must not open the tables (docs/protocol/rewrite.md). One question, one answer.
 */
#ifndef MAIL_REWRITE_MSG_H
#define MAIL_REWRITE_MSG_H

#include "ipc/msg.h"

enum rewrite_kind {
    REWRITE_ADDRESS = 0x501, /* rewrite_question */
    REWRITE_ADDRESS_REPLY,   /* rewrite_reply */
    REWRITE_RESOLVE,         /* resolve_question */
    REWRITE_RESOLVE_REPLY,   /* resolve_answer */
};

enum { REWRITE_TEXT_MAX = 16 * 1024 }; /* longest address in a question */

/* context: enum rewrite_context; use: enum resolve_use */
#define REWRITE_QUESTION_FIELDS(F) F(INT, context) F(TEXT, address)
#define REWRITE_REPLY_FIELDS(F)    F(TEXT, address)
#define RESOLVE_QUESTION_FIELDS(F) F(TEXT, sender) F(TEXT, address) F(INT, use)
/* ok 0: temporary error with the reason, and nothing else */
#define RESOLVE_ANSWER_FIELDS(F)                                                                   \
    F(INT, ok)                                                                                     \
    F(TEXT, reason)                                                                                \
    F(TEXT, transport) F(TEXT, nexthop) F(TEXT, recipient) F(INT, address_class) F(INT, flags)
MSG_DECLARE(rewrite_question, REWRITE_QUESTION_FIELDS)
MSG_DECLARE(rewrite_reply, REWRITE_REPLY_FIELDS)
MSG_DECLARE(resolve_question, RESOLVE_QUESTION_FIELDS)
MSG_DECLARE(resolve_answer, RESOLVE_ANSWER_FIELDS)

#endif
