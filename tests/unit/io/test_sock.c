/* sock: what connections are given before they are made. */
#include "unit/cm.h"

#include "io/sock.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <unistd.h>

static int option_of(int fd, int level, int option)
{
    int value = 0;
    socklen_t len = sizeof value;
    assert_int_equal(getsockopt(fd, level, option, &value, &len), 0);
    return value;
}

static int buffer_of(int fd, int option)
{
    return option_of(fd, SOL_SOCKET, option);
}

/* The system doubles what it is asked for (socket(7)), and has a window for those who do not ask.
 */
static void windows_and_delays_are_set_before_the_handshake(void **unused)
{
    (void)unused;
    enum { WINDOW = 16384 };
    static const int wanted[] = {0, WINDOW};
    for (size_t i = 0; i < COUNT_OF(wanted); i++) {
        struct sockaddr_in any = {.sin_family = AF_INET};
        struct err err = ERR_INIT;
        socklen_t len = sizeof any;
        any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        int listener = sock_listen_inet((struct sockaddr *)&any, sizeof any, 1, wanted[i], &err);
        assert_true(listener >= 0);
        assert_int_equal(getsockname(listener, (struct sockaddr *)&any, &len), 0);
        int fd = sock_connect_start_window((struct sockaddr *)&any, sizeof any, NULL, 0, wanted[i],
                                           &err);
        assert_true(fd >= 0);
        bool is_set = buffer_of(listener, SO_RCVBUF) == 2 * WINDOW;
        assert_int_equal(is_set, wanted[i] > 0);
        is_set = buffer_of(fd, SO_RCVBUF) == 2 * WINDOW && buffer_of(fd, SO_SNDBUF) == 2 * WINDOW;
        assert_int_equal(is_set, wanted[i] > 0);
        int accepted = accept(listener, NULL, NULL);
        assert_true(accepted >= 0);
        assert_true(option_of(fd, IPPROTO_TCP, TCP_NODELAY)); /* replies are not held back */
        assert_true(option_of(accepted, IPPROTO_TCP, TCP_NODELAY));
        close(accepted);
        close(fd);
        close(listener);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_and_delays_are_set_before_the_handshake)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
