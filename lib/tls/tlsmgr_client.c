#include "tls/tlsmgr_client.h"

enum { TIMEOUT_MS = 5 * 1000, IDLE_MS = 100 * 1000, IDLE_CONNECTIONS = 2 };

struct client *tlsmgr_client_new(struct loop *loop, const char *path)
{
    const struct client_options options = {.path = path,
                                           .timeout_ms = TIMEOUT_MS,
                                           .max_idle = IDLE_CONNECTIONS,
                                           .max_idle_ms = IDLE_MS};
    return client_new(loop, &options);
}

struct call *tlsmgr_client_ask_state(struct client *client, const char *cache, int64_t seed_size,
                                     call_fn fn, void *owner)
{
    const struct tlsmgr_ask ask = {.cache = cache, .seed_size = MIN(seed_size, TLSMGR_SEED_MAX)};
    return client_call(client, TLSMGR_ASK_STATE, &tlsmgr_ask_type, &ask, fn, owner);
}

static bool came(uint16_t kind, uint16_t wanted, struct slice body, const struct err *failure,
                 struct err *err)
{
    if (!body.s) {
        *err = *failure;
        return false;
    }
    return kind == wanted || err_set(err, ERR_TEMP, "tlsmgr: unexpected message");
}

static bool key_is_sound(const struct tlsmgr_key *key)
{
    return key->name.len == TLSMGR_KEY_NAME && key->cipher_key.len == TLSMGR_KEY_CIPHER &&
           key->mac_key.len == TLSMGR_KEY_MAC;
}

bool tlsmgr_client_read_state(uint16_t kind, struct slice body, const struct err *failure,
                              struct arena *arena, struct tlsmgr_state *ret, struct err *err)
{
    if (!came(kind, TLSMGR_STATE, body, failure, err) ||
        !msg_decode(&tlsmgr_state_type, body, arena, ret, err))
        return false;
    bool is_sound = ret->keys_count <= TLSMGR_KEYS_MAX && ret->lifetime >= 0 &&
                    ret->lifetime <= INT32_MAX && ret->fresh_s >= 0 && ret->fresh_s <= INT32_MAX;
    for (size_t i = 0; is_sound && i < ret->keys_count; i++)
        is_sound = key_is_sound(&ret->keys[i]);
    return is_sound || err_set(err, ERR_TEMP, "tlsmgr: answer out of bounds");
}

struct call *tlsmgr_client_find(struct client *client, const char *cache, const char *id,
                                call_fn fn, void *owner)
{
    const struct tlsmgr_entry entry = {.cache = cache, .id = id};
    return client_call(client, TLSMGR_FIND, &tlsmgr_entry_type, &entry, fn, owner);
}

bool tlsmgr_client_read_session(uint16_t kind, struct slice body, const struct err *failure,
                                struct slice *ret, struct err *err)
{
    CLEANUP(arena_free_ptr) struct arena *arena = arena_new("tlsmgr_client");
    struct tlsmgr_session session;
    if (!came(kind, TLSMGR_SESSION, body, failure, err) ||
        !msg_decode(&tlsmgr_session_type, body, arena, &session, err))
        return false;
    *ret = session.is_found ? session.session : SLICE_EMPTY;
    return true;
}

static void no_matter(void *owner, uint16_t kind, struct slice body, const struct err *err)
{
    (void)owner;
    (void)kind;
    (void)body;
    (void)err;
}

void tlsmgr_client_save(struct client *client, const char *cache, const char *id,
                        struct slice session)
{
    const struct tlsmgr_entry entry = {.cache = cache, .id = id, .session = session};
    if (session.len <= TLSMGR_SESSION_MAX)
        client_call(client, TLSMGR_SAVE, &tlsmgr_entry_type, &entry, no_matter, NULL);
}

void tlsmgr_client_remove(struct client *client, const char *cache, const char *id)
{
    const struct tlsmgr_entry entry = {.cache = cache, .id = id};
    client_call(client, TLSMGR_REMOVE, &tlsmgr_entry_type, &entry, no_matter, NULL);
}
