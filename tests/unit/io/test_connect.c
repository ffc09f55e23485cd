#include "unit/cm.h"

#include "io/connect.h"
#include "io/sock.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct outcome {
    struct loop *loop;
    size_t calls;
    int fd;
    struct err err;
};

static void on_done(void *owner, int fd, const struct err *err)
{
    struct outcome *o = owner;
    o->calls++;
    o->fd = fd;
    o->err = *err;
    loop_stop(o->loop);
}

static int listen_inet(int *ret_port)
{
    struct err err = ERR_INIT;
    struct sockaddr_storage at;
    socklen_t len;
    assert_true(sock_address_parse("127.0.0.1", 0, &at, &len));
    int fd = sock_listen_inet((struct sockaddr *)&at, len, 5, 0, &err);
    assert_true(fd >= 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    *ret_port = sock_address_port((struct sockaddr *)&at);
    return fd;
}

static void outcomes(void **unused)
{
    (void)unused;
    int port, listener = listen_inet(&port);
    char numeric[64], name[64], dir[] = "/tmp/test_connect-XXXXXX", path[64], local[80];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/socket", dir);
    struct err err = ERR_INIT;
    int unix_listener = sock_listen_unix(path, SOCK_STREAM, 0600, &err);
    assert_true(unix_listener >= 0);
    snprintf(numeric, sizeof numeric, "inet:127.0.0.1:%d", port);
    snprintf(name, sizeof name, "inet:localhost:%d", port);
    snprintf(local, sizeof local, "unix:%s", path);
    const struct {
        const char *endpoint, *reason; /* NULL: it works */
    } rows[] = {
        {numeric, NULL},
        {name, NULL},
        {local, NULL},
        {"unix:/nonexistent/socket", "No such file or directory"},
        {"inet:127.0.0.1:1", "Connection refused"},
        {"inet:127.0.0.1:no-such-service", "not found"},
        {"tcp:127.0.0.1:1", "invalid transport name"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct outcome o = {.loop = loop_new(), .fd = -1};
        struct work_pool *pool = work_pool_new(o.loop, 1);
        print_message("  row: %s\n", rows[i].endpoint);
        connect_start(o.loop, pool, rows[i].endpoint, 30000, on_done, &o);
        assert_int_equal(o.calls, 0); /* not from inside the call */
        loop_run(o.loop);
        assert_int_equal(o.calls, 1);
        assert_int_equal(o.fd >= 0, rows[i].reason == NULL);
        if (rows[i].reason)
            assert_non_null(strstr(o.err.reason, rows[i].reason));
        else
            close(o.fd);
        work_pool_free(pool);
        loop_free(o.loop);
    }
    close(listener);
    close(unix_listener);
    unlink(path);
    rmdir(dir);
}

/* Cancelled while the name is looked up: nobody is called, nothing is left behind. */
static void cancelled(void **unused)
{
    (void)unused;
    struct outcome o = {.loop = loop_new()};
    struct work_pool *pool = work_pool_new(o.loop, 1);
    connect_cancel(connect_start(o.loop, pool, "inet:localhost:1", 30000, on_done, &o));
    connect_cancel(connect_start(o.loop, pool, "inet:127.0.0.1:1", 30000, on_done, &o));
    connect_cancel(connect_start(o.loop, pool, "bad", 30000, on_done, &o));
    connect_cancel(NULL);
    work_pool_drain(pool);
    assert_int_equal(o.calls, 0);
    work_pool_free(pool);
    loop_free(o.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(outcomes), cmocka_unit_test(cancelled)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
