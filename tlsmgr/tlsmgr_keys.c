#include "tlsmgr/tlsmgr_keys.h"

#include "base/clock.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <sys/time.h>

static bool make_key(struct tlsmgr_ring_key *key, int64_t until_ms)
{
    key->until_ms = until_ms;
    return RAND_bytes(key->name, sizeof key->name) == 1 &&
           RAND_priv_bytes(key->cipher_key, sizeof key->cipher_key) == 1 &&
           RAND_priv_bytes(key->mac_key, sizeof key->mac_key) == 1;
}

/* The newest comes first. */
static bool rotate(struct tlsmgr_ring *ring, int64_t now_ms, int64_t half_ms)
{
    struct tlsmgr_ring_key fresh;
    bool was_asked_in_time = ring->count > 0 && now_ms < ring->keys[0].until_ms + half_ms;
    if (!make_key(&fresh, now_ms + half_ms))
        return false;
    ring->keys[1] = ring->keys[0];
    ring->keys[0] = fresh;
    ring->count = was_asked_in_time ? 2 : 1;
    OPENSSL_cleanse(&fresh, sizeof fresh);
    return true;
}

static struct slice bytes(const unsigned char *data, size_t size)
{
    return (struct slice){(const char *)data, size};
}

bool tlsmgr_keys_state(struct tlsmgr_ring *ring, int64_t lifetime_s, struct tlsmgr_key *keys,
                       struct tlsmgr_state *state)
{
    int64_t now_ms = clock_now_ms(), half_ms = lifetime_s * 1000 / 2;
    struct timeval wall;
    clock_wall(&wall);
    if ((ring->count == 0 || now_ms >= ring->keys[0].until_ms) && !rotate(ring, now_ms, half_ms))
        return false;
    if (ring->count > 1 && now_ms >= ring->keys[1].until_ms + half_ms)
        ring->count = 1;
    for (size_t i = 0; i < ring->count; i++) {
        const struct tlsmgr_ring_key *key = &ring->keys[i];
        keys[i] = (struct tlsmgr_key){bytes(key->name, sizeof key->name),
                                      bytes(key->cipher_key, sizeof key->cipher_key),
                                      bytes(key->mac_key, sizeof key->mac_key),
                                      wall.tv_sec + (key->until_ms - now_ms) / 1000};
    }
    state->keys = keys;
    state->keys_count = ring->count;
    state->fresh_s = (ring->keys[0].until_ms - now_ms + 999) / 1000;
    return true;
}
