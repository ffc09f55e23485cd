#include "tls/tls_tickets.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

enum { BLOCK_SIZE = 16, KEY_MIN = 16 };

bool tls_tickets_init(struct tls_tickets *tickets, const char *cipher, struct err *err)
{
    *tickets = (struct tls_tickets){.cipher = EVP_CIPHER_fetch(NULL, cipher, NULL)};
    const EVP_CIPHER *c = tickets->cipher;
    if (c && EVP_CIPHER_get_mode(c) == EVP_CIPH_CBC_MODE &&
        EVP_CIPHER_get_block_size(c) == BLOCK_SIZE && EVP_CIPHER_get_iv_length(c) == BLOCK_SIZE &&
        EVP_CIPHER_get_key_length(c) >= KEY_MIN &&
        EVP_CIPHER_get_key_length(c) <= TLSMGR_KEY_CIPHER)
        return true;
    tls_tickets_done(tickets);
    return err_set(err, ERR_CONFIG,
                   "tls_session_ticket_cipher: invalid value: %s; session tickets disabled",
                   cipher);
}

void tls_tickets_done(struct tls_tickets *tickets)
{
    EVP_CIPHER_free(tickets->cipher);
    OPENSSL_cleanse(tickets, sizeof *tickets);
}

void tls_tickets_set(struct tls_tickets *tickets, const struct tlsmgr_state *state)
{
    OPENSSL_cleanse(tickets->keys, sizeof tickets->keys);
    tickets->count = tickets->cipher ? MIN(state->keys_count, COUNT_OF(tickets->keys)) : 0;
    for (size_t i = 0; i < tickets->count; i++) {
        const struct tlsmgr_key *from = &state->keys[i];
        struct tls_ticket_key *to = &tickets->keys[i];
        memcpy(to->name, from->name.s, sizeof to->name);
        memcpy(to->cipher_key, from->cipher_key.s, sizeof to->cipher_key);
        memcpy(to->mac_key, from->mac_key.s, sizeof to->mac_key);
        to->until = from->until;
    }
}

const struct tls_ticket_key *tls_tickets_key_of(const struct tls_tickets *tickets,
                                                struct slice ticket)
{
    for (size_t i = 0; i < tickets->count && ticket.len >= TLSMGR_KEY_NAME; i++)
        if (memcmp(tickets->keys[i].name, ticket.s, TLSMGR_KEY_NAME) == 0)
            return &tickets->keys[i];
    return NULL;
}

static bool set_mac(EVP_MAC_CTX *mac, const struct tls_ticket_key *key)
{
    /* OpenSSL reads them only */
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *)(uintptr_t)key->mac_key,
                                          sizeof key->mac_key),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)(uintptr_t) "sha256", 0),
        OSSL_PARAM_construct_end()};
    return EVP_MAC_CTX_set_params(mac, params) == 1;
}

int tls_tickets_use(const struct tls_tickets *tickets, bool encrypts, unsigned char *name,
                    unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac,
                    const struct tls_ticket_key **ret_key)
{
    enum { FAILED = -1, UNKNOWN = 0, READY = 1, RENEW = 2 };
    const struct slice ticket = {(const char *)name, TLSMGR_KEY_NAME};
    const struct tls_ticket_key *key =
        encrypts ? &tickets->keys[0] : tls_tickets_key_of(tickets, ticket);
    if (tickets->count == 0 || !key)
        return UNKNOWN;
    if (encrypts && RAND_bytes(iv, BLOCK_SIZE) != 1)
        return FAILED;
    if (EVP_CipherInit_ex(cipher, tickets->cipher, NULL, key->cipher_key, iv, encrypts) != 1 ||
        !set_mac(mac, key))
        return FAILED;
    if (encrypts)
        memcpy(name, key->name, sizeof key->name);
    *ret_key = key;
    return encrypts || key == &tickets->keys[0] ? READY : RENEW;
}
