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
    for (bool is_first = true;; is_first = false) {
        /* Dies while the lock file exists: others take it away after stale_lock_time. */
        int fd = open(name.s, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd >= 0) {
            close(fd);
            return true;
        }
        if (errno != EEXIST)
            return false;
        if (!is_first || !dotlock_is_stale(name.s, policy->stale_s) || unlink(name.s) < 0) {
            errno = EEXIST;
            return false;
        }
    }
}

void mailbox_lock_dot_remove(const char *path)
{
    CLEANUP(strbuf_done) struct strbuf name = STRBUF_ANY;
    strbuf_addf(&name, "%s.lock", path);
    unlink(name.s);
}

bool mailbox_lock_file(int fd, const struct mailbox_lock_policy *policy)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    bool ok = (!(policy->kinds & MAILBOX_LOCK_FCNTL) || fcntl(fd, F_SETLK, &whole) == 0) &&
              (!(policy->kinds & MAILBOX_LOCK_FLOCK) || flock(fd, LOCK_EX | LOCK_NB) == 0);
    if (!ok && (errno == EACCES || errno == EINTR))
        errno = EAGAIN;
    return ok;
}

void mailbox_lock_wait(const struct mailbox_lock_policy *policy)
{
    struct timespec t = {policy->delay_ms / 1000, policy->delay_ms % 1000 * 1000000};
    while (nanosleep(&t, &t) < 0 && errno == EINTR)
        continue;
}
