/*
 * killshim: a library to preload that kills the process at a given call of a given function.
 *
 *     KILL_AT=fsync:2:before    at the second call of fsync(), before it does anything
 *     KILL_AT=rename:1:after    when the first call of rename() has done its work
 *     KILL_AT=fsync:1:fail      no death: the call reports EIO
 *
 *     KILL_FILE=/a/file         as said in the file, so that one instance sees many deaths
 *
 * "local:fsync:1:before" in the file is a death of a program of that name. It removes the file
 * first: one process dies of it. "append" is a write() to a file.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

/* The text of KILL_FILE behind our program's name; false: none, or for another program. */
static bool file_spec(const char *path, char *ret, size_t size)
{
    char text[128], program[32];
    int at = 0, fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    if (n <= 0)
        return false;
    text[n] = '\0';
    if (sscanf(text, "%31[^:]:%n", program, &at) != 1 || at == 0 ||
        strcmp(program, program_invocation_short_name) != 0)
        return false;
    return snprintf(ret, size, "%s", text + at) < (int)size;
}

static bool is_hit(const char *function, atomic_int *calls, char when[static 8])
{
    char name[32], text[128];
    int at, error = errno;
    const char *file = getenv("KILL_FILE");
    const char *spec = getenv("KILL_AT");
    if (file)
        spec = file_spec(file, text, sizeof text) ? text : NULL;
    errno = error;
    if (!spec || sscanf(spec, "%31[^:]:%d:%7[a-z]", name, &at, when) != 3 ||
        strcmp(name, function) != 0)
        return false;
    if (atomic_fetch_add(calls, 1) + 1 != at)
        return false;
    bool hit = !file || unlink(file) == 0;
    errno = error;
    return hit;
}

#define SHIM(result, function, params, args) SHIM_NAMED(result, function, #function, params, args)

/* WORD: what the call counts as; it may be an expression. */
#define SHIM_NAMED(result, function, word, params, args)                                           \
    result function params;                                                                        \
    result function params                                                                         \
    {                                                                                              \
        static atomic_int calls;                                                                   \
        char when[8] = "";                                                                         \
        result(*real) params = (result(*) params)dlsym(RTLD_NEXT, #function);                      \
        bool hit = is_hit(word, &calls, when);                                                     \
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
SHIM(int, fchown, (int fd, uid_t user, gid_t group), (fd, user, group))
SHIM(int, fdatasync, (int fd), (fd))
SHIM(int, fchmod, (int fd, mode_t mode), (fd, mode))
SHIM(int, rename, (const char *from, const char *to), (from, to))
SHIM(int, link, (const char *from, const char *to), (from, to))
SHIM(ssize_t, pwrite, (int fd, const void *data, size_t n, off_t at), (fd, data, n, at))
SHIM(pid_t, fork, (void), ())

static const char *write_word(int fd)
{
    struct stat st;
    return getenv("KILL_FILE") && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? "append" : "write";
}

SHIM_NAMED(ssize_t, write, write_word(fd), (int fd, const void *data, size_t n), (fd, data, n))
