/*
 * tlsmgr_client: questions for tlsmgr, asynchronously. Without an answer TLS goes on, but sessions
 * are not resumed.
 */
#ifndef TLS_TLSMGR_CLIENT_H
#define TLS_TLSMGR_CLIENT_H

#include "ipc/client.h"
#include "tls/tlsmgr_msg.h"

/* PATH: "private/tlsmgr", relative to the queue directory. Free it with client_free(). */
struct client *tlsmgr_client_new(struct loop *loop, const char *path);

/* Ticket keys, SEED_SIZE random bytes, and whether there is a CACHE. FN reads the answer with
 * tlsmgr_client_read_state(), which is false, with a reason, when none came or it makes no sense.
 */
struct call *tlsmgr_client_ask_state(struct client *client, const char *cache, int64_t seed_size,
                                     call_fn fn, void *owner);
bool tlsmgr_client_read_state(uint16_t kind, struct slice body, const struct err *failure,
                              struct arena *arena, struct tlsmgr_state *ret, struct err *err);

/* FN reads the answer with tlsmgr_client_read_session(): RET is empty when there is none, and
 * points into BODY. */
struct call *tlsmgr_client_find(struct client *client, const char *cache, const char *id,
                                call_fn fn, void *owner);
bool tlsmgr_client_read_session(uint16_t kind, struct slice body, const struct err *failure,
                                struct slice *ret, struct err *err);

/* Nobody waits for these: what fails is a session that cannot be resumed. */
void tlsmgr_client_save(struct client *client, const char *cache, const char *id,
                        struct slice session);
void tlsmgr_client_remove(struct client *client, const char *cache, const char *id);

#endif
