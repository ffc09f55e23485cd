#include "delivery/mailbox_lock.h"

#include "base/slice.h"
#include "base/strbuf.h"
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

bool mailbox_lock_parse(const char *list, unsigned *ret_kinds, struct err *err)
{
    // clang-format off
    static const struct { const char *name; unsigned kind; } rows[] = {
        {"fcntl", MAILBOX_LOCK_FCNTL}, {"flock", MAILBOX_LOCK_FLOCK},
        {"dotlock", MAILBOX_LOCK_DOTLOCK},
    };
    // clang-format on
    unsigned kinds = 0;
    struct slice in = slice_of(list), item;
    while (slice_next_item(&in, &item)) {
        unsigned kind = 0;
        for (size_t i = 0; i < COUNT_OF(rows); i++)
            if (slice_eq_nocase(item, rows[i].name))
                kind = rows[i].kind;
        if (!kind)
            return err_set(err, ERR_CONFIG, "unknown mailbox locking method: %.*s",
                           SLICE_ARG(item));
        kinds |= kind;
    }
    *ret_kinds = kinds;
    return true;
}

static void wait_ms(int64_t ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    while (nanosleep(&t, &t) < 0 && errno == EINTR)
        continue;
}

/* Its owner died before he could remove it (or cannot be that slow). */
static bool dotlock_is_stale(const char *name, int64_t stale_s)
{
    struct stat st;
    struct timeval now;
    clock_wall(&now);
    return lstat(name, &st) == 0 && st.st_ctim.tv_sec < now.tv_sec - stale_s;
}

bool mailbox_lock_dot(const char *path, const struct mailbox_lock_policy *policy)
{
    CLEANUP(strbuf_done) struct strbuf name = STRBUF_ANY;
    strbuf_addf(&name, "%s.lock", path);
    for (int64_t attempt = 1;; attempt++) {
        /* Dies while the lock file exists: others take it away after stale_lock_time. */
        int fd = open(name.s, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd >= 0) {
            close(fd);
            return true;
        }
        if (errno != EEXIST)
            return false;
        if (dotlock_is_stale(name.s, policy->stale_s) && unlink(name.s) == 0 &&
            attempt <= policy->attempts)
            continue;
        if (attempt >= policy->attempts) {
            errno = EEXIST;
            return false;
        }
        wait_ms(policy->delay_ms);
    }
}

void mailbox_lock_dot_remove(const char *path)
{
    CLEANUP(strbuf_done) struct strbuf name = STRBUF_ANY;
    strbuf_addf(&name, "%s.lock", path);
    unlink(name.s);
}

static bool try_lock(int fd, unsigned kinds)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (kinds & MAILBOX_LOCK_FCNTL && fcntl(fd, F_SETLK, &whole) < 0)
        return false;
    if (kinds & MAILBOX_LOCK_FLOCK && flock(fd, LOCK_EX | LOCK_NB) < 0) {
        int error = errno;
        whole.l_type = F_UNLCK; /* or two programs that take both wait for each other */
        if (kinds & MAILBOX_LOCK_FCNTL)
            fcntl(fd, F_SETLK, &whole);
        errno = error;
        return false;
    }
    return true;
}

bool mailbox_lock_file(int fd, const struct mailbox_lock_policy *policy)
{
    for (int64_t attempt = 1;; attempt++) {
        if (try_lock(fd, policy->kinds))
            return true;
        if (errno != EAGAIN && errno != EACCES && errno != EINTR)
            return false;
        if (attempt >= policy->attempts) {
            errno = EAGAIN;
            return false;
        }
        wait_ms(policy->delay_ms);
    }
}
