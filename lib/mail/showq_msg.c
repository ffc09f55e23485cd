/* The tables behind the messages of showq. */
#include "mail/showq_msg.h"

#define MSG_SELF showq_recipient
MSG_DEFINE(showq_recipient, SHOWQ_RECIPIENT_FIELDS)
#undef MSG_SELF
#define MSG_SELF showq_message
MSG_DEFINE(showq_message, SHOWQ_MESSAGE_FIELDS)
#undef MSG_SELF
#define MSG_SELF showq_more
MSG_DEFINE(showq_more, SHOWQ_MORE_FIELDS)
#undef MSG_SELF
