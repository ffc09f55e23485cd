/*
 * tlsmgr_keys: the keys of session tickets. They are in memory only: who gets hold of the disk can
 * read no session, and the end of this process is the end of its tickets.
 */
#ifndef TLSMGR_TLSMGR_KEYS_H
#define TLSMGR_TLSMGR_KEYS_H

#include "tls/tlsmgr_msg.h"

struct tlsmgr_ring {
    struct tlsmgr_ring_key {
        unsigned char name[TLSMGR_KEY_NAME], cipher_key[TLSMGR_KEY_CIPHER], mac_key[TLSMGR_KEY_MAC];
        int64_t until_ms; /* no new tickets from then on; clock_now_ms() */
    } keys[TLSMGR_KEYS_MAX];
    size_t count;
};

/* A key issues tickets for half of LIFETIME_S and reads them for the other half; that renews the
 * ticket, so a client that comes back in that time never has to begin anew. Fills STATE's keys
 * (which point into RING) and its fresh_s. False: OpenSSL has no random bytes. */
bool tlsmgr_keys_state(struct tlsmgr_ring *ring, int64_t lifetime_s, struct tlsmgr_key *keys,
                       struct tlsmgr_state *state);

#endif
