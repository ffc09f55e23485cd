/*
 * failshim: a library to preload that makes every Nth call of a function on a regular file fail.
 *
 *     FAIL=cleanup:fsync:3:EIO     in programs of that name, each third fsync() reports EIO
 *     FAIL=qmgr:rename:2:ENOSPC
 *     FAIL=qmgr:unlink:1:WAIT    no failure: waits while the file `wait` exists
 *
 * `write` stands for write, writev, pwrite and pwritev.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static bool is_hit(const char *function)
{
    static atomic_int calls;
    char program[32], name[32], error[16];
    int every;
    const char *spec = getenv("FAIL");
    if (!spec || sscanf(spec, "%31[^:]:%31[^:]:%d:%15s", program, name, &every, error) != 4 ||
        every < 1 || strcmp(name, function) != 0 ||
        strcmp(program, program_invocation_short_name) != 0)
        return false;
    if (atomic_fetch_add(&calls, 1) % every != every - 1)
        return false;
    while (strcmp(error, "WAIT") == 0) {
        if (access("wait", F_OK) < 0)
            return false;
        usleep(1000);
    }
    errno = strcmp(error, "ENOSPC") == 0 ? ENOSPC : EIO;
    return true;
}

static bool is_file(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

#define SHIM(result, function, as, params, args, condition)                                        \
    result function params;                                                                        \
    result function params                                                                         \
    {                                                                                              \
        result(*real) params = (result(*) params)dlsym(RTLD_NEXT, #function);                      \
        if ((condition) && is_hit(as))                                                             \
            return -1;                                                                             \
        return real args;                                                                          \
    }

SHIM(int, fsync, "fsync", (int fd), (fd), is_file(fd))
SHIM(int, fdatasync, "fsync", (int fd), (fd), is_file(fd))
SHIM(int, syncfs, "syncfs", (int fd), (fd), true)
SHIM(int, rename, "rename", (const char *from, const char *to), (from, to), true)
SHIM(int, unlink, "unlink", (const char *path), (path), true)
SHIM(ssize_t, write, "write", (int fd, const void *data, size_t n), (fd, data, n), is_file(fd))
SHIM(ssize_t, pwrite, "write", (int fd, const void *data, size_t n, off_t at), (fd, data, n, at),
     is_file(fd))
SHIM(ssize_t, pwrite64, "write", (int fd, const void *data, size_t n, off_t at), (fd, data, n, at),
     is_file(fd))
SHIM(ssize_t, writev, "write", (int fd, const struct iovec *v, int n), (fd, v, n), is_file(fd))
SHIM(ssize_t, pwritev, "write", (int fd, const struct iovec *v, int n, off_t at), (fd, v, n, at),
     is_file(fd))
