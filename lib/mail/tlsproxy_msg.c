#include "mail/tlsproxy_msg.h"

#define MSG_SELF tlsproxy_ask
MSG_DEFINE(tlsproxy_ask, TLSPROXY_ASK_FIELDS)
#undef MSG_SELF
#define MSG_SELF tlsproxy_answer
MSG_DEFINE(tlsproxy_answer, TLSPROXY_ANSWER_FIELDS)
#undef MSG_SELF
