/*
 * tls_tickets: the keys of session tickets (RFC 5077, RFC 8446 section 4.6.1), which all server
 * processes have in common.
 */
#ifndef TLS_TLS_TICKETS_H
#define TLS_TLS_TICKETS_H

#include "base/err.h"
#include "base/slice.h"
#include "tls/tlsmgr_msg.h"

struct ssl_st;
struct evp_cipher_st;

struct tls_ticket_key {
    unsigned char name[TLSMGR_KEY_NAME], cipher_key[TLSMGR_KEY_CIPHER], mac_key[TLSMGR_KEY_MAC];
    int64_t until;
};

struct tls_tickets {
    struct evp_cipher_st *cipher;
    struct tls_ticket_key keys[TLSMGR_KEYS_MAX]; /* the one to issue with comes first */
    size_t count;                                /* 0: no tickets */
};

/* CIPHER: in CBC mode, with blocks of 128 bits and a key of 128 to 256 bits. */
bool tls_tickets_init(struct tls_tickets *tickets, const char *cipher, struct err *err);
void tls_tickets_done(struct tls_tickets *tickets); /* wipes the keys */
void tls_tickets_set(struct tls_tickets *tickets, const struct tlsmgr_state *state);
/* Can TICKET be read, as far as its first bytes tell? NULL: no. */
const struct tls_ticket_key *tls_tickets_key_of(const struct tls_tickets *tickets,
                                                struct slice ticket);

struct evp_cipher_ctx_st;
struct evp_mac_ctx_st;
/* What OpenSSL's ticket key callback does: makes the contexts ready to write (ENCRYPTS) or read a
 * ticket. Returns what that has to return; RET_KEY is the key in use. */
int tls_tickets_use(const struct tls_tickets *tickets, bool encrypts, unsigned char *name,
                    unsigned char *iv, struct evp_cipher_ctx_st *cipher, struct evp_mac_ctx_st *mac,
                    const struct tls_ticket_key **ret_key);

#endif
