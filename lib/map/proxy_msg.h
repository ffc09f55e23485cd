/*
 * proxy_msg: asking proxymap(8) about a key of a table, or proxywrite to change it
 * (docs/protocol/messages.md).
 */
#ifndef PROXY_MSG_H
#define PROXY_MSG_H

#include "ipc/msg.h"

enum proxy_kind {
    PROXY_FIND = 0x801,
    PROXY_ANSWER,
    PROXY_PUT,
    PROXY_REMOVE,
    PROXY_FIRST, /* first entry of the table, then each of the rest; for all clients together */
    PROXY_NEXT,
};

/* of all questions; key and value are empty where they say nothing */
#define PROXY_ASK_FIELDS(F)                                                                        \
    F(TEXT, table) /* type:name, without proxy: */                                                 \
    F(INT, flags)  /* enum map_flags that concern the table's use */                               \
    F(TEXT, key)                                                                                   \
    F(TEXT, value)
/* status: enum map_status; key: of FIRST and NEXT; reason: of a failure; repeated: it was reported
 * before */
#define PROXY_ANSWER_FIELDS(F)                                                                     \
    F(INT, status) F(TEXT, key) F(TEXT, value) F(TEXT, reason) F(INT, repeated)
MSG_DECLARE(proxy_ask, PROXY_ASK_FIELDS)
MSG_DECLARE(proxy_answer, PROXY_ANSWER_FIELDS)

#endif
