/*
 * tlsproxy_msg: asking tlsproxy(8) to do TLS for a connection (docs/protocol/messages.md).
 *
 * One connection serves one client: the question, the answer, then (when the answer is yes) one
 * byte with the client's descriptor along. From then on the connection carries the plain text.
 */
#ifndef MAIL_TLSPROXY_MSG_H
#define MAIL_TLSPROXY_MSG_H

#include "ipc/msg.h"

enum tlsproxy_kind { TLSPROXY_ASK = 0xd21, TLSPROXY_ANSWER };

/* role: "server" or "client"; remote: the other end, for log lines ("[192.0.2.1]:25"); timeout: of
 * the handshake, in seconds */
#define TLSPROXY_ASK_FIELDS(F) F(TEXT, role) F(TEXT, service) F(TEXT, remote) F(INT, timeout)
/* ready: 1, or 0 and why not */
#define TLSPROXY_ANSWER_FIELDS(F) F(INT, ready) F(TEXT, reason)
MSG_DECLARE(tlsproxy_ask, TLSPROXY_ASK_FIELDS)
MSG_DECLARE(tlsproxy_answer, TLSPROXY_ANSWER_FIELDS)

#endif
