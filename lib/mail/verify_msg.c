/* The tables behind the messages of verify. */
#include "mail/verify_msg.h"

#define MSG_SELF verify_query
MSG_DEFINE(verify_query, VERIFY_QUERY_FIELDS)
#undef MSG_SELF
#define MSG_SELF verify_update
MSG_DEFINE(verify_update, VERIFY_UPDATE_FIELDS)
#undef MSG_SELF
#define MSG_SELF verify_status
MSG_DEFINE(verify_status, VERIFY_STATUS_FIELDS)
#undef MSG_SELF
