/*
 * showq_msg: the content of the queue, as public/showq tells it to whoever connects.
 *
 * The client says nothing. It gets SHOWQ_MESSAGE for each message, followed by SHOWQ_MORE for
 * recipients beyond SHOWQ_RECIPIENTS, and SHOWQ_END when the listing is whole.
 */
#ifndef MAIL_SHOWQ_MSG_H
#define MAIL_SHOWQ_MSG_H

#include "ipc/msg.h"

enum showq_kind { SHOWQ_MESSAGE = 0x681, SHOWQ_MORE, SHOWQ_END };

enum { SHOWQ_RECIPIENTS = 500 }; /* in one frame */

/* Addresses are in external form; what is not known is "". */
#define SHOWQ_RECIPIENT_FIELDS(F)                                                                  \
    F(TEXT, address) F(TEXT, orig_address) F(TEXT, delay_reason) F(TEXT, bounce_reason)
MSG_DECLARE(showq_recipient, SHOWQ_RECIPIENT_FIELDS)

#define SHOWQ_MESSAGE_FIELDS(F)                                                                    \
    F(TEXT, queue_name)                                                                            \
    F(TEXT, queue_id)                                                                              \
    F(INT, arrival_s)                                                                              \
    F(INT, size) F(INT, forced_expire) F(TEXT, sender) F(LIST, recipients, showq_recipient)
MSG_DECLARE(showq_message, SHOWQ_MESSAGE_FIELDS)

#define SHOWQ_MORE_FIELDS(F) F(LIST, recipients, showq_recipient)
MSG_DECLARE(showq_more, SHOWQ_MORE_FIELDS)

#endif
