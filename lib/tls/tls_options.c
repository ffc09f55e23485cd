#include "tls/tls_options.h"

#include "base/num.h"

#include <openssl/ssl.h>

struct option {
    const char *name;
    uint64_t bit; /* 0: gone from OpenSSL, and the bug with it */
};

static const struct option options[] = {
    {"ENABLE_MIDDLEBOX_COMPAT", SSL_OP_ENABLE_MIDDLEBOX_COMPAT},
    {"LEGACY_SERVER_CONNECT", SSL_OP_LEGACY_SERVER_CONNECT},
    {"NO_COMPRESSION", SSL_OP_NO_COMPRESSION},
    {"NO_RENEGOTIATION", SSL_OP_NO_RENEGOTIATION},
    {"NO_SESSION_RESUMPTION_ON_RENEGOTIATION", SSL_OP_NO_SESSION_RESUMPTION_ON_RENEGOTIATION},
    {"NO_TICKET", SSL_OP_NO_TICKET},
    {"PRIORITIZE_CHACHA", SSL_OP_PRIORITIZE_CHACHA},
    {NULL, 0},
};

static const struct option workarounds[] = {
    {"CRYPTOPRO_TLSEXT_BUG", SSL_OP_CRYPTOPRO_TLSEXT_BUG},
    {"CVE-2005-2969", 0},
    {"CVE-2010-4180", 0},
    {"DONT_INSERT_EMPTY_FRAGMENTS", SSL_OP_DONT_INSERT_EMPTY_FRAGMENTS},
    {"LEGACY_SERVER_CONNECT", SSL_OP_LEGACY_SERVER_CONNECT},
    {"MICROSOFT_BIG_SSLV3_BUFFER", 0},
    {"MICROSOFT_SESS_ID_BUG", 0},
    {"MSIE_SSLV2_RSA_PADDING", 0},
    {"NETSCAPE_CHALLENGE_BUG", 0},
    {"NETSCAPE_REUSE_CIPHER_CHANGE_BUG", 0},
    {"SSLEAY_080_CLIENT_DH_BUG", 0},
    {"SSLREF2_REUSE_CERT_TYPE_BUG", 0},
    {"TLS_BLOCK_PADDING_BUG", 0},
    {"TLS_D5_BUG", 0},
    {"TLS_ROLLBACK_BUG", SSL_OP_TLS_ROLLBACK_BUG},
    {"TLSEXT_PADDING", SSL_OP_TLSEXT_PADDING},
    {NULL, 0},
};

static bool find(const struct option *table, struct slice name, uint64_t *ret)
{
    for (; table->name; table++)
        if (slice_eq_nocase(name, table->name)) {
            *ret = table->bit;
            return true;
        }
    return false;
}

static uint64_t parse(const char *parameter, const struct option *table, const char *list,
                      struct strbuf *problems)
{
    struct slice rest = slice_of(list), item;
    uint64_t all = 0, one;
    if (slice_starts_nocase(rest, "0x") && num_parse_u64(slice_from(rest, 2), 16, &all))
        return all;
    while (slice_next_token(&rest, " \t\r\n,:", &item))
        if (find(table, item, &one))
            all |= one;
        else
            strbuf_addf(problems, "unknown %s value \"%.*s\" in \"%s\"\n", parameter,
                        SLICE_ARG(item), list);
    return all;
}

uint64_t tls_options_parse(const char *list, struct strbuf *problems)
{
    /* what other parameters decide is not for these bits */
    const uint64_t others = SSL_OP_NO_SSL_MASK | SSL_OP_CIPHER_SERVER_PREFERENCE;
    return parse("tls_ssl_options", options, list, problems) & ~others;
}

uint64_t tls_options_workarounds(const char *disabled, struct strbuf *problems)
{
    return SSL_OP_ALL & ~parse("tls_disable_workarounds", workarounds, disabled, problems);
}
