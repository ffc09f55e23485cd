/*
 * proxy_msg: asking proxymap(8) for a key of a table (docs/protocol/messages.md), for services
 * whose jail keeps them from the table itself.
 */
#ifndef MAP_PROXY_MSG_H
#define MAP_PROXY_MSG_H

#include "ipc/msg.h"

enum proxy_kind { PROXY_FIND = 0x801, PROXY_ANSWER };

#define PROXY_FIND_FIELDS(F)                                                                       \
    F(TEXT, table) /* type:name, without proxy: */                                                 \
    F(INT, flags)  /* enum map_flags that concern look-ups */                                      \
    F(TEXT, key)
/* status: enum map_status; reason: of a failure */
#define PROXY_ANSWER_FIELDS(F) F(INT, status) F(TEXT, value) F(TEXT, reason)
MSG_DECLARE(proxy_find, PROXY_FIND_FIELDS)
MSG_DECLARE(proxy_answer, PROXY_ANSWER_FIELDS)

#endif
