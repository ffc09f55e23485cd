/* The tables behind the messages of anvil. */
#include "mail/anvil_msg.h"

#define MSG_SELF anvil_event
MSG_DEFINE(anvil_event, ANVIL_EVENT_FIELDS)
#undef MSG_SELF
#define MSG_SELF anvil_counts
MSG_DEFINE(anvil_counts, ANVIL_COUNTS_FIELDS)
#undef MSG_SELF
