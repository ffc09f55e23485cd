/*
 * qmgr_msg: what others tell qmgr over public/qmgr (docs/protocol/qmgr.md).
 *
 * A connection whose first byte is MSG_MAGIC carries frames; any other sends letters: D scan
 * deferred, I scan incoming, F forget dead destinations, A ignore time stamps, W wake-up.
 */
#ifndef MAIL_QMGR_MSG_H
#define MAIL_QMGR_MSG_H

#include "mail/envelope.h"

enum qmgr_kind { QMGR_ARRIVED = 0x201, QMGR_MISSED };

/* A new message is complete and synced in incoming/. No answer is sent or expected: a lost notice
 * costs a delay until the next sweep, never mail. The envelope is handed on when it is small (at
 * most QMGR_ARRIVED_RECIPIENTS recipients); has_envelope 0: read the file. */
enum { QMGR_ARRIVED_RECIPIENTS = 50 };
#define QMGR_ARRIVED_FIELDS(F) F(TEXT, queue_id) F(INT, has_envelope) F(LIST, envelopes, envelope)
MSG_DECLARE(qmgr_arrived, QMGR_ARRIVED_FIELDS)

/* QMGR_MISSED has no body: there were messages that could not be told; look through incoming/. */

#endif
