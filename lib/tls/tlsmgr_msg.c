/* The tables behind the messages of tlsmgr. */
#include "tls/tlsmgr_msg.h"

#define MSG_SELF tlsmgr_ask
MSG_DEFINE(tlsmgr_ask, TLSMGR_ASK_FIELDS)
#undef MSG_SELF
#define MSG_SELF tlsmgr_key
MSG_DEFINE(tlsmgr_key, TLSMGR_KEY_FIELDS)
#undef MSG_SELF
#define MSG_SELF tlsmgr_state
MSG_DEFINE(tlsmgr_state, TLSMGR_STATE_FIELDS)
#undef MSG_SELF
#define MSG_SELF tlsmgr_entry
MSG_DEFINE(tlsmgr_entry, TLSMGR_ENTRY_FIELDS)
#undef MSG_SELF
#define MSG_SELF tlsmgr_session
MSG_DEFINE(tlsmgr_session, TLSMGR_SESSION_FIELDS)
#undef MSG_SELF
