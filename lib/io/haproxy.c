/* Headers of the PROXY protocol. */
#include "io/haproxy.h"

#include "base/num.h"
#include "base/strbuf.h"
#include "io/sock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#define V1_NAME "PROXY "
static const char v2_signature[] = "\r\n\r\n\0\r\nQUIT\n";

enum { SIGNATURE_SIZE = sizeof v2_signature - 1, V2_FIXED = SIGNATURE_SIZE + 4 };
enum { V2_LOCAL = 0x20, V2_PROXY = 0x21, V2_TCP4 = 0x11, V2_TCP6 = 0x21 };

static enum haproxy_status bad(const char **ret_why, const char *why)
{
    *ret_why = why;
    return HAPROXY_BAD;
}

/* An IPv4 address mapped into IPv6 is one of IPv4; RET_FAMILY may be NULL. False: the family is not
 * in use. */
static bool set_address(const struct sockaddr *from, unsigned families,
                        char ret_text[HAPROXY_ADDRESS_MAX], int *ret_family)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_INIT(HAPROXY_ADDRESS_MAX - 1);
    sock_address_text(from, &text);
    int family = slice_find(strbuf_slice(&text), ':') == SIZE_MAX ? AF_INET : AF_INET6;
    if (text.overflow || !(families & (family == AF_INET ? HAPROXY_IPV4 : HAPROXY_IPV6)))
        return false;
    memcpy(ret_text, text.s, text.len + 1);
    if (ret_family)
        *ret_family = family;
    return true;
}

static bool next_address(struct slice *in, int family, unsigned families,
                         char ret_text[HAPROXY_ADDRESS_MAX], int *ret_family)
{
    struct slice word;
    char text[HAPROXY_ADDRESS_MAX];
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (!slice_next_token(in, " \r", &word) || word.len >= sizeof text || slice_has_nul(word))
        return false;
    memcpy(text, word.s, word.len);
    text[word.len] = 0;
    if (family == AF_INET)
        return inet_pton(AF_INET, text, &v4.sin_addr) == 1 &&
               set_address((struct sockaddr *)&v4, families, ret_text, ret_family);
    return inet_pton(AF_INET6, text, &v6.sin6_addr) == 1 &&
           set_address((struct sockaddr *)&v6, families, ret_text, ret_family);
}

static bool next_port(struct slice *in, uint16_t *ret_port)
{
    struct slice word;
    uint64_t port;
    if (!slice_next_token(in, " \r", &word) || !num_parse_u64(word, 10, &port) || port > UINT16_MAX)
        return false;
    *ret_port = (uint16_t)port;
    return true;
}

/* "PROXY TCP4 192.0.2.1 192.0.2.2 1234 25"; what follows is for later versions of the protocol. */
static enum haproxy_status parse_v1(struct slice in, bool at_end, unsigned families,
                                    struct haproxy_peers *ret, size_t *ret_size, const char **why)
{
    size_t lf = slice_find(slice_first(in, HAPROXY_HEADER_MAX), '\n');
    if (lf == SIZE_MAX && !at_end && in.len < HAPROXY_HEADER_MAX)
        return HAPROXY_MORE;
    if (lf == SIZE_MAX)
        return bad(why, "missing protocol header terminator");
    struct slice rest = slice_from(slice_first(in, lf), strlen(V1_NAME)), word;
    int family = 0;
    if (slice_next_token(&rest, " \r", &word)) {
        if (slice_eq_nocase(word, "TCP4") && (families & HAPROXY_IPV4))
            family = AF_INET;
        else if (slice_eq_nocase(word, "TCP6") && (families & HAPROXY_IPV6))
            family = AF_INET6;
    }
    if (!family)
        return bad(why, "bad or missing protocol type");
    if (!next_address(&rest, family, families, ret->client_address, &ret->family))
        return bad(why, "bad or missing client address");
    if (!next_address(&rest, family, families, ret->server_address, NULL))
        return bad(why, "bad or missing server address");
    if (!next_port(&rest, &ret->client_port))
        return bad(why, "bad or missing client port");
    if (!next_port(&rest, &ret->server_port))
        return bad(why, "bad or missing server port");
    ret->is_proxied = true;
    *ret_size = lf + 1;
    return HAPROXY_READY;
}

static uint16_t number_at(struct slice in, size_t at)
{
    return (uint16_t)((unsigned char)in.s[at] << 8 | (unsigned char)in.s[at + 1]);
}

/* BODY: two addresses of SIZE bytes, two ports. */
static bool v2_addresses(struct slice body, size_t size, unsigned families,
                         struct haproxy_peers *ret)
{
    char *texts[] = {ret->client_address, ret->server_address};
    for (size_t i = 0; i < 2; i++) {
        struct sockaddr_in v4 = {.sin_family = AF_INET};
        struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
        void *bytes = size == 4 ? (void *)&v4.sin_addr : (void *)&v6.sin6_addr;
        memcpy(bytes, body.s + i * size, size);
        if (!set_address(size == 4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6, families,
                         texts[i], i == 0 ? &ret->family : NULL))
            return false;
    }
    ret->client_port = number_at(body, 2 * size);
    ret->server_port = number_at(body, 2 * size + 2);
    return ret->is_proxied = true;
}

static enum haproxy_status v2_proxied(int kind, struct slice body, unsigned families,
                                      struct haproxy_peers *ret, const char **why)
{
    size_t size = kind == V2_TCP4 ? 4 : 16;
    if (kind != V2_TCP4 && kind != V2_TCP6)
        return bad(why, "unsupported network protocol");
    if (kind == V2_TCP4 && !(families & HAPROXY_IPV4))
        return bad(why, "Postfix IPv4 support is disabled");
    if (kind == V2_TCP6 && !(families & HAPROXY_IPV6))
        return bad(why, "Postfix IPv6 support is disabled");
    if (body.len < 2 * size + 4)
        return bad(why, "short address field");
    if (!v2_addresses(body, size, families, ret))
        return bad(why, "bad or missing client address");
    return HAPROXY_READY;
}

static enum haproxy_status parse_v2(struct slice in, bool at_end, unsigned families,
                                    struct haproxy_peers *ret, size_t *ret_size, const char **why)
{
    int command = (unsigned char)in.s[SIGNATURE_SIZE];
    if ((command & 0xf0) != 0x20)
        return bad(why, "unrecognized protocol version");
    size_t total = V2_FIXED + (size_t)number_at(in, SIGNATURE_SIZE + 2);
    if (in.len < total && !at_end && total <= HAPROXY_HEADER_MAX)
        return HAPROXY_MORE;
    if (in.len < total || total > HAPROXY_HEADER_MAX)
        return bad(why, "short version 2 protocol header");
    *ret_size = total;
    if (command == V2_LOCAL)
        return HAPROXY_READY;
    if (command != V2_PROXY)
        return bad(why, "bad command in proxy header");
    struct slice body = slice_from(slice_first(in, total), V2_FIXED);
    return v2_proxied((unsigned char)in.s[SIGNATURE_SIZE + 1], body, families, ret, why);
}

/* Does IN agree with the first SIZE bytes of TEXT, as far as it goes? */
static bool agrees(struct slice in, const char *text, size_t size)
{
    return memcmp(in.s, text, MIN(in.len, size)) == 0;
}

enum haproxy_status haproxy_parse(struct slice in, bool at_end, unsigned families,
                                  struct haproxy_peers *ret, size_t *ret_size, const char **ret_why)
{
    *ret = (struct haproxy_peers){0};
    *ret_size = 0;
    if (in.len == 0 && at_end)
        return bad(ret_why, "EOF");
    if (in.len == 0)
        return HAPROXY_MORE;
    bool is_v1 = agrees(in, V1_NAME, strlen(V1_NAME));
    bool is_v2 = agrees(in, v2_signature, SIGNATURE_SIZE);
    if (is_v1 && in.len >= strlen(V1_NAME))
        return parse_v1(in, at_end, families, ret, ret_size, ret_why);
    if (is_v2 && in.len >= V2_FIXED)
        return parse_v2(in, at_end, families, ret, ret_size, ret_why);
    if ((is_v1 || is_v2) && !at_end)
        return HAPROXY_MORE;
    return bad(ret_why,
               in.len < V2_FIXED ? "short protocol header" : "unrecognized protocol header");
}

/* How many bytes can be read without passing the end of the header? Of version 1 up to its line
 * end, which only looking ahead (PEEKED) tells. */
static size_t safe_size(const struct haproxy_reader *r, size_t peeked)
{
    struct slice all = {r->bytes, r->size + peeked};
    if (!agrees(all, v2_signature, SIGNATURE_SIZE)) {
        size_t lf = slice_find(slice_from(all, r->size), '\n');
        return lf == SIZE_MAX ? peeked : lf + 1;
    }
    if (all.len < V2_FIXED)
        return peeked;
    size_t total = V2_FIXED + (size_t)number_at(all, SIGNATURE_SIZE + 2);
    return total <= r->size ? 0 : MIN(peeked, total - r->size);
}

enum haproxy_status haproxy_read(struct haproxy_reader *r, int fd, unsigned families,
                                 struct haproxy_peers *ret, const char **ret_why)
{
    bool at_end = false;
    enum haproxy_status status = HAPROXY_MORE;
    while (status == HAPROXY_MORE && !at_end) {
        size_t size, room = sizeof r->bytes - r->size;
        ssize_t got = recv(fd, r->bytes + r->size, room, MSG_PEEK);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return HAPROXY_MORE;
        at_end = got <= 0;
        if (!at_end) {
            got = recv(fd, r->bytes + r->size, safe_size(r, (size_t)got), 0);
            at_end = got <= 0;
        }
        r->size += got > 0 ? (size_t)got : 0;
        status =
            haproxy_parse((struct slice){r->bytes, r->size}, at_end, families, ret, &size, ret_why);
    }
    return status;
}
