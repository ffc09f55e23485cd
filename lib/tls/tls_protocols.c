#include "tls/tls_protocols.h"

#include "base/num.h"
#include "base/slice.h"

#include <openssl/ssl.h>

static const struct {
    const char *name;
    int version;
    uint64_t exclusion;
} versions[] = {
    {"SSLv2", SSL2_VERSION, 0}, /* gone from the library: always excluded */
    {"SSLv3", SSL3_VERSION, SSL_OP_NO_SSLv3},
    {"TLSv1", TLS1_VERSION, SSL_OP_NO_TLSv1},
    {"TLSv1.1", TLS1_1_VERSION, SSL_OP_NO_TLSv1_1},
    {"TLSv1.2", TLS1_2_VERSION, SSL_OP_NO_TLSv1_2},
    {"TLSv1.3", TLS1_3_VERSION, SSL_OP_NO_TLSv1_3},
};

static bool parse_bound(struct slice text, int *ret)
{
    uint64_t number;
    *ret = 0;
    if (text.len == 0 || slice_eq(text, "0"))
        return true;
    for (size_t i = 0; i < COUNT_OF(versions); i++)
        if (slice_eq_nocase(text, versions[i].name)) {
            *ret = versions[i].version;
            return true;
        }
    bool is_hex = slice_starts_nocase(text, "0x");
    if (!num_parse_u64(slice_from(text, is_hex ? 2 : 0), is_hex ? 16 : 10, &number) ||
        number > 0xffff)
        return false;
    *ret = (int)number;
    return true;
}

static bool parse_name(struct slice name, uint64_t *exclusion)
{
    for (size_t i = 0; i < COUNT_OF(versions); i++)
        if (slice_eq_nocase(name, versions[i].name)) {
            *exclusion = versions[i].exclusion;
            return true;
        }
    return false;
}

bool tls_protocols_parse(const char *list, struct tls_protocols *ret, struct err *err)
{
    struct slice rest = slice_of(list), item;
    uint64_t all = 0, named = 0, excluded = 0, one;
    bool has_named = false, ok = true;
    *ret = (struct tls_protocols){0};
    for (size_t i = 0; i < COUNT_OF(versions); i++)
        all |= versions[i].exclusion;
    while (ok && slice_next_token(&rest, " \t\r\n,:", &item)) {
        if (slice_starts(item, ">=")) {
            ok = parse_bound(slice_from(item, 2), &ret->lowest);
        } else if (slice_starts(item, "<=")) {
            ok = parse_bound(slice_from(item, 2), &ret->highest);
        } else if (slice_starts(item, "!")) {
            ok = parse_name(slice_from(item, 1), &one);
            excluded |= ok ? one : 0;
        } else {
            ok = parse_name(item, &one);
            named |= ok ? one : 0;
            has_named = true;
        }
    }
    if (!ok)
        return err_set(err, ERR_CONFIG, "Invalid TLS protocol list \"%s\"", list);
    ret->excluded = excluded | (has_named ? all & ~named : 0);
    return true;
}
