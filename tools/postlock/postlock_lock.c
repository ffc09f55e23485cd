#include "postlock/postlock_lock.h"

#include "config/common_params.h"
#include "io/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum style { STYLE_FCNTL = 1, STYLE_FLOCK = 2, STYLE_DOTLOCK = 4 };

static const struct {
    const char *name;
    unsigned style;
} styles_known[] = {{"fcntl", STYLE_FCNTL}, {"flock", STYLE_FLOCK}, {"dotlock", STYLE_DOTLOCK}};

static bool parse_styles(const char *text, unsigned *ret, struct err *err)
{
    struct slice in = slice_of(text), word;
    *ret = 0;
    while (slice_next_item(&in, &word)) {
        size_t i = 0;
        while (i < COUNT_OF(styles_known) && !slice_eq_nocase(word, styles_known[i].name))
            i++;
        if (i == COUNT_OF(styles_known))
            return err_set(err, ERR_CONFIG,
                           "unknown mailbox_delivery_lock value \"%.*s\" in \"%s\"",
                           SLICE_ARG(word), text);
        *ret |= styles_known[i].style;
    }
    return true;
}

static bool lock_kernel(int fd, unsigned styles)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (styles & STYLE_FCNTL && fcntl(fd, F_SETLK, &whole) < 0)
        return false;
    return !(styles & STYLE_FLOCK) || fd_lock(fd, true, false);
}

/* Left behind by a program that died? */
static void remove_stale(const char *path)
{
    struct stat st;
    if (lstat(path, &st) == 0 && time(NULL) - st.st_ctime > common_params.stale_lock_time)
        unlink(path);
}

static bool make_dot(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static bool lock_dot(struct postlock_lock *lock, const char *path, struct err *err)
{
    int len = snprintf(lock->dot_path, sizeof lock->dot_path, "%s.lock", path);
    bool fits = len > 0 && (size_t)len < sizeof lock->dot_path;
    if (fits && make_dot(lock->dot_path))
        return true;
    int error = fits ? errno : ENAMETOOLONG;
    if (error == EEXIST)
        remove_stale(lock->dot_path);
    lock->dot_path[0] = 0;
    err_set(err, ERR_TEMP, "open file %s: unable to create lock file %s.lock: %s", path, path,
            strerror(error));
    errno = error;
    return false;
}

static bool open_and_lock(struct postlock_lock *lock, const char *path, unsigned styles,
                          struct err *err)
{
    lock->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (lock->fd < 0)
        return err_set(err, ERR_TEMP, "open file %s: %s", path, strerror(errno));
    if (lock_kernel(lock->fd, styles))
        return true;
    err_set(err, ERR_TEMP, "unable to lock file %s: %s", path, strerror(errno));
    errno = EEXIST; /* as for the lock file: worth another attempt */
    return false;
}

/* Mail readers take their locks in another order: no lock is held while another is waited for. */
bool postlock_take(struct postlock_lock *lock, const char *path, const char *styles,
                   struct err *err)
{
    unsigned wanted;
    *lock = (struct postlock_lock){.fd = -1};
    if (!parse_styles(styles, &wanted, err))
        return false;
    for (int64_t attempt = 1;; attempt++) {
        *lock = (struct postlock_lock){.fd = -1};
        if ((!(wanted & STYLE_DOTLOCK) || lock_dot(lock, path, err)) &&
            open_and_lock(lock, path, wanted, err))
            return true;
        bool is_busy = errno == EEXIST;
        postlock_unlock(lock);
        if (!is_busy || attempt >= common_params.deliver_lock_attempts)
            return false;
        sleep((unsigned)common_params.deliver_lock_delay);
    }
}

void postlock_unlock(const struct postlock_lock *lock)
{
    if (lock->dot_path[0])
        unlink(lock->dot_path);
    if (lock->fd >= 0)
        close(lock->fd);
}
