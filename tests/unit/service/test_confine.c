/* Each promise is tried in a process of its own, which then tells by its exit status. */
#include "service/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#if defined(__SANITIZE_ADDRESS__)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

static char home[] = "/tmp/test_confine.XXXXXX";

static int tried(bool worked)
{
    return worked ? 0 : errno;
}

static int start_program(void)
{
    return tried(execl("/bin/true", "true", (char *)NULL) == 0);
}

static int make_process(void)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    return tried(pid > 0);
}

static void *do_nothing(void *owner)
{
    return owner;
}

static int make_thread(void)
{
    pthread_t thread;
    int failed = pthread_create(&thread, NULL, do_nothing, NULL);
    return failed ? failed : pthread_join(thread, NULL);
}

static int become_other(void)
{
    return tried(setuid(getuid()) == 0);
}

static int write_inside(void)
{
    return tried(open("inside/file", O_CREAT | O_WRONLY | O_TRUNC, 0600) >= 0 &&
                 mkdir("inside/sub", 0700) == 0 && rename("inside/file", "inside/sub/file") == 0 &&
                 unlink("inside/sub/file") == 0);
}

static int write_outside(void)
{
    return tried(open("outside", O_CREAT | O_WRONLY, 0600) >= 0);
}

static int move_outside(void)
{
    return tried(open("inside/mine", O_CREAT | O_WRONLY, 0600) >= 0 &&
                 rename("inside/mine", "mine") == 0);
}

static int read_outside(void)
{
    return tried(open("/etc/passwd", O_RDONLY) >= 0);
}

static int write_nowhere(void)
{
    return tried(open("/dev/null", O_WRONLY) >= 0);
}

static int make_socket(int family)
{
    return tried(socket(family, SOCK_STREAM, 0) >= 0);
}

static int unix_socket(void)
{
    return make_socket(AF_UNIX);
}

static int internet_socket(void)
{
    return make_socket(AF_INET);
}

static int internet6_socket(void)
{
    return make_socket(AF_INET6);
}

static int algorithm_socket(void)
{
    return tried(socket(AF_ALG, SOCK_SEQPACKET, 0) >= 0);
}

static int signal_parent(void)
{
    return tried(kill(getppid(), 0) == 0);
}

static const struct promise {
    const char *what;
    int (*try)(void);
    bool network;
    int expected; /* errno */
    bool is_left_to_sanitizer;
} promises[] = {
    {"start a program", start_program, true, EPERM, false},
    {"make a process", make_process, true, EPERM, true},
    {"make a thread", make_thread, true, 0, false},
    {"become another user", become_other, true, EPERM, false},
    {"write below a directory", write_inside, true, 0, false},
    {"write elsewhere", write_outside, true, EACCES, false},
    {"move elsewhere", move_outside, true, EACCES, false},
    {"read elsewhere", read_outside, true, 0, false},
    {"open /dev/null", write_nowhere, true, 0, false},
    {"Unix socket", unix_socket, false, 0, false},
    {"internet socket", internet_socket, true, 0, false},
    {"internet socket without network", internet_socket, false, EAFNOSUPPORT, false},
    {"IPv6 socket without network", internet6_socket, false, EAFNOSUPPORT, false},
    {"algorithm socket", algorithm_socket, true, EAFNOSUPPORT, false},
    {"signal another process", signal_parent, true, EPERM, false},
};

static int in_confinement(const struct promise *promise)
{
    const char *const writable[] = {"inside", "not-there", NULL};
    struct err err = ERR_INIT;
    int status = 0;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (chdir(home) < 0 || !confine_process(writable, promise->network, &err)) {
            fprintf(stderr, "%s\n", err.reason);
            _exit(255);
        }
        _exit(promise->try());
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void test_promises(void **state)
{
    (void)state;
    for (const struct promise *p = promises; p < promises + COUNT_OF(promises); p++) {
        int got = p->is_left_to_sanitizer && SANITIZED ? p->expected : in_confinement(p);
        if (got != p->expected)
            fail_msg("%s: %s, expected %s", p->what, strerror(got), strerror(p->expected));
    }
}

static int set_up(void **state)
{
    char inside[sizeof home + 8];
    (void)state;
    if (!mkdtemp(home))
        return -1;
    snprintf(inside, sizeof inside, "%s/inside", home);
    return mkdir(inside, 0700);
}

static int tear_down(void **state)
{
    static const char *const left[] = {"inside/mine", "inside/sub", "inside"};
    (void)state;
    if (chdir(home) < 0)
        return -1;
    for (size_t i = 0; i < COUNT_OF(left); i++)
        remove(left[i]);
    return rmdir(home);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_promises)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
