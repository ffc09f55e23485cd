/* dnsblog_msg: asking dnsblog(8) whether an address is in a DNS list (docs/protocol/messages.md).
 * Any number of questions may be under way on one connection; answers come as they are found. */
#ifndef MAIL_DNSBLOG_MSG_H
#define MAIL_DNSBLOG_MSG_H

#include "ipc/msg.h"

enum dnsblog_kind { DNSBLOG_ASK = 0xd11, DNSBLOG_ANSWER };

/* id: the asker's own; address: of a client, numeric */
#define DNSBLOG_ASK_FIELDS(F) F(INT, id) F(TEXT, domain) F(TEXT, address)
/* addresses: what the list says, separated by blanks; "" when the client is not in it. ttl: how
 * long that holds, in seconds; -1: not known. */
#define DNSBLOG_ANSWER_FIELDS(F) F(INT, id) F(TEXT, addresses) F(INT, ttl)
MSG_DECLARE(dnsblog_ask, DNSBLOG_ASK_FIELDS)
MSG_DECLARE(dnsblog_answer, DNSBLOG_ANSWER_FIELDS)

#endif
