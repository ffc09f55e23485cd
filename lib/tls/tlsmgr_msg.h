/*
 * tlsmgr_msg: what processes with TLS share through tlsmgr, over private/tlsmgr
 * (docs/protocol/tlsmgr.md).
 */
#ifndef TLS_TLSMGR_MSG_H
#define TLS_TLSMGR_MSG_H

#include "ipc/msg.h"

enum tlsmgr_kind {
    TLSMGR_ASK_STATE = 0xa01, /* tlsmgr_ask: answered by TLSMGR_STATE */
    TLSMGR_STATE,             /* tlsmgr_state */
    TLSMGR_FIND,              /* tlsmgr_entry, its session empty; all three: by TLSMGR_SESSION */
    TLSMGR_SAVE,
    TLSMGR_REMOVE,
    TLSMGR_SESSION, /* tlsmgr_session */
};

/* Bounds that both ends check. */
enum {
    TLSMGR_CACHE_NAME_MAX = 16, /* "smtpd", "smtp", "lmtp" */
    TLSMGR_ID_MAX = 400,
    TLSMGR_SESSION_MAX = 32 * 1024,
    TLSMGR_SEED_MAX = 1024,
    TLSMGR_KEYS_MAX = 2,
};

/* A key of session tickets: the name that tickets carry, the cipher's key, the key of the MAC. */
enum { TLSMGR_KEY_NAME = 16, TLSMGR_KEY_CIPHER = 32, TLSMGR_KEY_MAC = 32 };

#define TLSMGR_ASK_FIELDS(F) F(TEXT, cache) F(INT, seed_size)
#define TLSMGR_KEY_FIELDS(F) F(BLOB, name) F(BLOB, cipher_key) F(BLOB, mac_key) F(INT, until)
/* LIFETIME: seconds a session may be resumed, 0: never. KEYS: the one to issue tickets with, then
 * the one before it; FRESH_S: seconds until there is a newer one. UNTIL: wall clock, seconds. */
#define TLSMGR_STATE_FIELDS(F)                                                                     \
    F(INT, has_cache) F(INT, lifetime) F(INT, fresh_s) F(LIST, keys, tlsmgr_key) F(BLOB, seed)
#define TLSMGR_ENTRY_FIELDS(F)   F(TEXT, cache) F(TEXT, id) F(BLOB, session)
#define TLSMGR_SESSION_FIELDS(F) F(INT, is_found) F(BLOB, session)
MSG_DECLARE(tlsmgr_ask, TLSMGR_ASK_FIELDS)
MSG_DECLARE(tlsmgr_key, TLSMGR_KEY_FIELDS)
MSG_DECLARE(tlsmgr_state, TLSMGR_STATE_FIELDS)
MSG_DECLARE(tlsmgr_entry, TLSMGR_ENTRY_FIELDS)
MSG_DECLARE(tlsmgr_session, TLSMGR_SESSION_FIELDS)

#endif
