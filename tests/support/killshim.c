/*
 * killshim: a library to preload that kills the process at a given call of a given function.
 *
 *     KILL_AT=fsync:2:before    at the second call of fsync(), before it does anything
 *     KILL_AT=rename:1:after    when the first call of rename() has done its work
 *     KILL_AT=fsync:1:fail      no death: the call reports EIO
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static bool is_hit(const char *function, atomic_int *calls, const char **ret_when)
{
    char name[32];
    int at;
    const char *spec = getenv("KILL_AT");
    const char *when = spec ? strrchr(spec, ':') : NULL;
    if (!when || sscanf(spec, "%31[^:]:%d", name, &at) != 2 || strcmp(name, function) != 0)
        return false;
    *ret_when = when + 1;
    return atomic_fetch_add(calls, 1) + 1 == at;
}

#define SHIM(result, function, params, args)                                                       \
    result function params;                                                                        \
    result function params                                                                         \
    {                                                                                              \
        static atomic_int calls;                                                                   \
        const char *when = "";                                                                     \
        result(*real) params = (result(*) params)dlsym(RTLD_NEXT, #function);                      \
        bool hit = is_hit(#function, &calls, &when);                                               \
        if (hit && strcmp(when, "before") == 0)                                                    \
            kill(getpid(), SIGKILL);                                                               \
        result got = real args;                                                                    \
        if (hit && strcmp(when, "after") == 0)                                                     \
            kill(getpid(), SIGKILL);                                                               \
        if (hit && strcmp(when, "fail") == 0) {                                                    \
            errno = EIO;                                                                           \
            return (result)-1;                                                                     \
        }                                                                                          \
        return got;                                                                                \
    }

SHIM(int, fsync, (int fd), (fd))
SHIM(int, ftruncate, (int fd, off_t size), (fd, size))
SHIM(ssize_t, write, (int fd, const void *data, size_t n), (fd, data, n))
SHIM(int, fchown, (int fd, uid_t user, gid_t group), (fd, user, group))
SHIM(int, fdatasync, (int fd), (fd))
SHIM(int, fchmod, (int fd, mode_t mode), (fd, mode))
SHIM(int, rename, (const char *from, const char *to), (from, to))
