/* A connection from one program to another. */
#include "service/pass.h"

#include "io/fd.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct pair {
    int giver, taker;
};

static struct pair pair_new(void)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    return (struct pair){fds[0], fds[1]};
}

static void pair_done(struct pair *p)
{
    fd_done(&p->giver);
    fd_done(&p->taker);
}

static void goes_over(void **unused)
{
    (void)unused;
    CLEANUP(pair_done) struct pair p = pair_new();
    CLEANUP(pair_done) struct pair connection = pair_new();
    CLEANUP(fd_done) int got = -1;
    const struct haproxy_peers sent = {.client_address = "192.0.2.1",
                                       .server_address = "2001:db8::1",
                                       .client_port = 4711,
                                       .server_port = 25};
    struct haproxy_peers ends;
    struct err err = ERR_INIT;
    char taken = 0;
    assert_int_equal(pass_recv(p.taker, &got, &ends, &err), PASS_MORE);
    assert_true(pass_send(p.giver, connection.giver, &sent, &err));
    assert_int_equal(pass_recv(p.taker, &got, &ends, &err), PASS_READY);
    assert_string_equal(ends.client_address, "192.0.2.1");
    assert_string_equal(ends.server_address, "2001:db8::1");
    assert_int_equal(ends.client_port, 4711);
    assert_int_equal(ends.server_port, 25);
    assert_int_equal(ends.family, AF_INET);
    assert_true(ends.is_proxied);
    assert_int_equal(read(p.giver, &taken, 1), 1);
    assert_int_equal(taken, PASS_TAKEN);
    assert_int_equal(write(got, "x", 1), 1); /* it is the same connection */
    assert_int_equal(read(connection.taker, &taken, 1), 1);
}

static void odd_messages_are_refused(void **unused)
{
    (void)unused;
    static const struct {
        const char *name, *client, *server;
    } rows[] = {
        {"no address", "localhost", "192.0.2.1"},
        {"too long", "1234:1234:1234:1234:1234:1234:1234:1234:1234:1234:1234", "192.0.2.1"},
        {"of the server", "192.0.2.1", "x"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(pair_done) struct pair p = pair_new();
        struct haproxy_peers sent = {.client_port = 1}, ends;
        struct err err = ERR_INIT;
        int got = -1;
        char byte;
        print_message("  row: %s\n", rows[i].name);
        snprintf(sent.client_address, sizeof sent.client_address, "%s", rows[i].client);
        snprintf(sent.server_address, sizeof sent.server_address, "%s", rows[i].server);
        assert_true(pass_send(p.giver, p.giver, &sent, &err));
        assert_int_equal(pass_recv(p.taker, &got, &ends, &err), PASS_BAD);
        assert_int_equal(got, -1);
        assert_int_equal(recv(p.giver, &byte, 1, MSG_DONTWAIT), -1); /* it was not taken */
    }
}

static void what_is_no_message_is_refused(void **unused)
{
    (void)unused;
    CLEANUP(pair_done) struct pair p = pair_new();
    struct haproxy_peers ends;
    struct err err = ERR_INIT;
    int got = -1;
    assert_int_equal(write(p.giver, "no descriptor", 13), 13);
    assert_int_equal(pass_recv(p.taker, &got, &ends, &err), PASS_BAD);
    assert_true(fd_send(p.giver, p.giver));
    assert_int_equal(pass_recv(p.taker, &got, &ends, &err), PASS_BAD);
    fd_done(&p.giver);
    assert_int_equal(pass_recv(p.taker, &got, &ends, &err), PASS_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goes_over),
        cmocka_unit_test(odd_messages_are_refused),
        cmocka_unit_test(what_is_no_message_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
