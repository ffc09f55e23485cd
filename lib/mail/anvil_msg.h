/*
 * anvil_msg: counting what clients do, over private/anvil (docs/protocol/anvil.md).
 *
 * A server process keeps one connection and sends events over it; answers come in the order of the
 * events, one each, but ANVIL_DISCONNECT has none. The connections a server process has reported
 * open are released when that process goes away.
 */
#ifndef MAIL_ANVIL_MSG_H
#define MAIL_ANVIL_MSG_H

#include "ipc/msg.h"

enum anvil_kind {
    ANVIL_CONNECT = 0x601, /* a client connected: answers how many it has open, and its rate */
    ANVIL_DISCONNECT,
    ANVIL_MAIL, /* the rate of each kind of event */
    ANVIL_RCPT,
    ANVIL_NEWTLS,
    ANVIL_AUTH,
    ANVIL_NEWTLS_STATUS, /* the rate without counting */
    ANVIL_LOOKUP,        /* connections open and connection rate without counting */
    ANVIL_COUNTS,
};

enum { ANVIL_TEXT_MAX = 200 }; /* longest service or address */

#define ANVIL_EVENT_FIELDS(F)  F(TEXT, service) F(TEXT, address)
#define ANVIL_COUNTS_FIELDS(F) F(INT, count) F(INT, rate)
MSG_DECLARE(anvil_event, ANVIL_EVENT_FIELDS)
MSG_DECLARE(anvil_counts, ANVIL_COUNTS_FIELDS)

#endif
