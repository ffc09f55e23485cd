#include "mail/dnsblog_msg.h"

#define MSG_SELF dnsblog_ask
MSG_DEFINE(dnsblog_ask, DNSBLOG_ASK_FIELDS)
#undef MSG_SELF
#define MSG_SELF dnsblog_answer
MSG_DEFINE(dnsblog_answer, DNSBLOG_ANSWER_FIELDS)
#undef MSG_SELF
