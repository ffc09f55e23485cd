/* Headers of the PROXY protocol: whole, split at each byte, and wrong ones. */
#include "unit/cm.h"

#include "io/haproxy.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SIG         "\r\n\r\n\0\r\nQUIT\n"
#define V4          "\300\0\2\1\300\0\2\2\4\322\0\31"
#define V6          "\40\1\15\270\0\0\0\0\0\0\0\0\0\0\0\1\40\1\15\270\0\0\0\0\0\0\0\0\0\0\0\2\4\322\0\31"
#define MAP         "\0\0\0\0\0\0\0\0\0\0\377\377\300\0\2\7\0\0\0\0\0\0\0\0\0\0\377\377\300\0\2\10\0\1\0\2"
#define BYTES(text) text, sizeof(text) - 1

enum { BOTH = HAPROXY_IPV4 | HAPROXY_IPV6 };

static const struct {
    const char *name, *bytes;
    size_t size;
    unsigned families;
    const char *client, *server; /* NULL: not proxied */
    uint16_t client_port, server_port;
    const char *why; /* NULL: good */
} rows[] = {
    // clang-format off
    {"v1", BYTES("PROXY TCP4 192.0.2.1 192.0.2.2 1234 25\r\n"), BOTH, "192.0.2.1", "192.0.2.2", 1234, 25, NULL},
    {"v1 lf", BYTES("PROXY TCP4 192.0.2.1 192.0.2.2 1234 25\n"), BOTH, "192.0.2.1", "192.0.2.2", 1234, 25, NULL},
    {"v1 more", BYTES("PROXY TCP4 192.0.2.1 192.0.2.2 1234 25 x\r\n"), BOTH, "192.0.2.1", "192.0.2.2", 1234, 25, NULL},
    {"v1 6", BYTES("PROXY TCP6 2001:db8::1 ::1 65535 0\r\n"), BOTH, "2001:db8::1", "::1", 65535, 0, NULL},
    {"v1 mapped", BYTES("PROXY TCP6 ::ffff:192.0.2.7 ::1 1 2\r\n"), BOTH, "192.0.2.7", "::1", 1, 2, NULL},
    {"v1 mapped, no IPv4", BYTES("PROXY TCP6 ::ffff:192.0.2.7 ::1 1 2\r\n"), HAPROXY_IPV6, NULL, NULL, 0, 0,
     "bad or missing client address"},
    {"v1 no IPv6", BYTES("PROXY TCP6 ::1 ::1 1 2\r\n"), HAPROXY_IPV4, NULL, NULL, 0, 0, "bad or missing protocol type"},
    {"v1 unknown", BYTES("PROXY UNKNOWN\r\n"), BOTH, NULL, NULL, 0, 0, "bad or missing protocol type"},
    {"v1 wrong family", BYTES("PROXY TCP6 192.0.2.1 ::1 1 2\r\n"), BOTH, NULL, NULL, 0, 0,
     "bad or missing client address"},
    {"v1 server", BYTES("PROXY TCP4 192.0.2.1 192.0.2 1 2\r\n"), BOTH, NULL, NULL, 0, 0, "bad or missing server address"},
    {"v1 port", BYTES("PROXY TCP4 192.0.2.1 192.0.2.2 65536 2\r\n"), BOTH, NULL, NULL, 0, 0, "bad or missing client port"},
    {"v1 server port", BYTES("PROXY TCP4 192.0.2.1 192.0.2.2 1 -2\r\n"), BOTH, NULL, NULL, 0, 0,
     "bad or missing server port"},
    {"v1 nul", BYTES("PROXY TCP4 192.0.2.1\0x 192.0.2.2 1 2\r\n"), BOTH, NULL, NULL, 0, 0,
     "bad or missing client address"},
    {"lower", BYTES("proxy tcp4 192.0.2.1 192.0.2.2 1 2\r\n"), BOTH, NULL, NULL, 0, 0, "unrecognized protocol header"},
    {"v2", BYTES(SIG "\41\21\0\14" V4), BOTH, "192.0.2.1", "192.0.2.2", 1234, 25, NULL},
    {"v2 tlv", BYTES(SIG "\41\21\0\17" V4 "\4\0\0"), BOTH, "192.0.2.1", "192.0.2.2", 1234, 25, NULL},
    {"v2 6", BYTES(SIG "\41\41\0\44" V6), BOTH, "2001:db8::1", "2001:db8::2", 1234, 25, NULL},
    {"v2 mapped", BYTES(SIG "\41\41\0\44" MAP), BOTH, "192.0.2.7", "192.0.2.8", 1, 2, NULL},
    {"v2 local", BYTES(SIG "\40\0\0\0"), BOTH, NULL, NULL, 0, 0, NULL},
    {"v2 local, addresses", BYTES(SIG "\40\21\0\14" V4), BOTH, NULL, NULL, 0, 0, NULL},
    {"v2 no IPv6", BYTES(SIG "\41\41\0\44" V6), HAPROXY_IPV4, NULL, NULL, 0, 0, "Postfix IPv6 support is disabled"},
    {"v2 no IPv4", BYTES(SIG "\41\21\0\14" V4), HAPROXY_IPV6, NULL, NULL, 0, 0, "Postfix IPv4 support is disabled"},
    {"v2 udp", BYTES(SIG "\41\22\0\14" V4), BOTH, NULL, NULL, 0, 0, "unsupported network protocol"},
    {"v2 unspecified", BYTES(SIG "\41\0\0\0"), BOTH, NULL, NULL, 0, 0, "unsupported network protocol"},
    {"v2 short", BYTES(SIG "\41\21\0\4abcd"), BOTH, NULL, NULL, 0, 0, "short address field"},
    {"v2 version", BYTES(SIG "\21\21\0\14" V4), BOTH, NULL, NULL, 0, 0, "unrecognized protocol version"},
    {"v2 command", BYTES(SIG "\42\21\0\14" V4), BOTH, NULL, NULL, 0, 0, "bad command in proxy header"},
    {"v2 huge", BYTES(SIG "\41\21\377\377" V4), BOTH, NULL, NULL, 0, 0, "short version 2 protocol header"},
    // clang-format on
};

static void check_row(size_t i, const struct haproxy_peers *peers)
{
    assert_int_equal(peers->is_proxied, rows[i].client != NULL);
    if (!rows[i].client)
        return;
    assert_string_equal(peers->client_address, rows[i].client);
    assert_string_equal(peers->server_address, rows[i].server);
    assert_int_equal(peers->client_port, rows[i].client_port);
    assert_int_equal(peers->server_port, rows[i].server_port);
    assert_int_equal(peers->family, strchr(rows[i].client, ':') ? AF_INET6 : AF_INET);
}

static void headers(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct slice in = {rows[i].bytes, rows[i].size};
        struct haproxy_peers peers;
        size_t size;
        const char *why = NULL;
        ROW(rows[i].name);
        enum haproxy_status status =
            haproxy_parse(in, false, rows[i].families, &peers, &size, &why);
        assert_int_equal(status, rows[i].why ? HAPROXY_BAD : HAPROXY_READY);
        if (rows[i].why) {
            assert_string_equal(why, rows[i].why);
            continue;
        }
        assert_int_equal(size, in.len);
        check_row(i, &peers);
        for (size_t cut = 0; cut < in.len; cut++) {
            status = haproxy_parse(slice_first(in, cut), false, BOTH, &peers, &size, &why);
            assert_int_equal(status, HAPROXY_MORE);
            status = haproxy_parse(slice_first(in, cut), true, BOTH, &peers, &size, &why);
            assert_int_equal(status, HAPROXY_BAD);
        }
    }
}

/* A byte at a time, or all at once with more behind: what follows the header stays in the socket.
 */
static void reads_the_header_only(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < 2 * COUNT_OF(rows); i++) {
        size_t row = i / 2, step = i % 2 ? rows[row].size : 1;
        struct haproxy_reader reader = {0};
        struct haproxy_peers peers;
        const char *why = NULL;
        char rest[8];
        int fds[2];
        if (rows[row].why)
            continue;
        ROW(rows[row].name);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
        enum haproxy_status status = HAPROXY_MORE;
        for (size_t at = 0; at < rows[row].size; at += step) {
            assert_int_equal(haproxy_read(&reader, fds[0], BOTH, &peers, &why), HAPROXY_MORE);
            assert_int_equal(write(fds[1], rows[row].bytes + at, step), step);
            if (at + step == rows[row].size)
                assert_int_equal(write(fds[1], "EHLO\n", 5), 5);
            status = haproxy_read(&reader, fds[0], BOTH, &peers, &why);
        }
        assert_int_equal(status, HAPROXY_READY);
        assert_int_equal(reader.size, rows[row].size);
        check_row(row, &peers);
        assert_int_equal(read(fds[0], rest, sizeof rest), 5);
        close(fds[0]);
        close(fds[1]);
    }
}

static void endless_and_broken_headers(void **unused)
{
    (void)unused;
    static const struct {
        const char *name, *bytes, *why;
        size_t fill;
    } cases[] = {{"no line end", "PROXY ", "missing protocol header terminator", 600},
                 {"end of file", "", "EOF", 0},
                 {"end within", "PROXY TCP4 1", "missing protocol header terminator", 0},
                 {"something else", "EHLO x\r\n", "short protocol header", 0}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct haproxy_reader reader = {0};
        struct haproxy_peers peers;
        const char *why = NULL;
        int fds[2];
        CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
        ROW(cases[i].name);
        strbuf_add_str(&text, cases[i].bytes);
        strbuf_add_fill(&text, 'x', cases[i].fill);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
        assert_int_equal(write(fds[1], text.s, text.len), text.len);
        close(fds[1]);
        assert_int_equal(haproxy_read(&reader, fds[0], BOTH, &peers, &why), HAPROXY_BAD);
        assert_string_equal(why, cases[i].why);
        close(fds[0]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers),
        cmocka_unit_test(reads_the_header_only),
        cmocka_unit_test(endless_and_broken_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
