#include "tls/tls_hello.h"

#include <openssl/ssl.h>

enum { ID_MAX = SSL_MAX_SSL_SESSION_ID_LENGTH };

/* Take a vector with a length of two bytes off the front of IN. */
static bool take_vector(struct slice *in, struct slice *ret)
{
    if (in->len < 2)
        return false;
    const unsigned char *at = (const unsigned char *)in->s;
    size_t len = (size_t)at[0] << 8 | at[1];
    if (len > in->len - 2)
        return false;
    *ret = (struct slice){in->s + 2, len};
    *in = slice_from(*in, len + 2);
    return true;
}

struct slice tls_hello_first_identity(struct slice extension)
{
    struct slice identities, identity;
    if (take_vector(&extension, &identities) && take_vector(&identities, &identity))
        return identity;
    return SLICE_EMPTY;
}

static struct slice extension_of(SSL *ssl, unsigned type)
{
    const unsigned char *data;
    size_t len;
    if (SSL_client_hello_get0_ext(ssl, type, &data, &len) != 1)
        return SLICE_EMPTY;
    return (struct slice){(const char *)data, len};
}

/* Will it be TLSv1.3? There the id means nothing. */
static bool is_tls13(SSL *ssl)
{
    struct slice versions = extension_of(ssl, TLSEXT_TYPE_supported_versions);
    int highest = (int)SSL_get_max_proto_version(ssl);
    if ((SSL_get_options(ssl) & SSL_OP_NO_TLSv1_3) || (highest && highest < TLS1_3_VERSION))
        return false;
    for (size_t i = 1; i + 1 < versions.len; i += 2)
        if (versions.s[i] == TLS1_3_VERSION >> 8 && versions.s[i + 1] == (TLS1_3_VERSION & 0xff))
            return true;
    return false;
}

void tls_hello_read(SSL *ssl, struct slice *ret_ticket, struct slice *ret_id)
{
    const unsigned char *id;
    struct slice identity = tls_hello_first_identity(extension_of(ssl, TLSEXT_TYPE_psk));
    *ret_ticket = extension_of(ssl, TLSEXT_TYPE_session_ticket);
    *ret_id = SLICE_EMPTY;
    if (is_tls13(ssl)) {
        *ret_ticket = identity.len > ID_MAX ? identity : SLICE_EMPTY;
        *ret_id = identity.len <= ID_MAX ? identity : SLICE_EMPTY;
    } else if (ret_ticket->len == 0) {
        size_t len = SSL_client_hello_get0_session_id(ssl, &id);
        *ret_id = len > 0 ? (struct slice){(const char *)id, len} : SLICE_EMPTY;
    }
}
