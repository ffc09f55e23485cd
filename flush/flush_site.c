#include "flush/flush_site.h"

#include "base/clock.h"
#include "io/fd.h"
#include "mail/queue_id.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINE_MAX_READ = QUEUE_ID_MAX + 2, OPEN_TRIES = 10 };

void flush_site_name(struct strbuf *out, const char *site)
{
    strbuf_reset(out);
    for (; *site; site++) {
        char c = *site;
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        strbuf_add_char(out, is_plain ? c : '_');
    }
}

static int open_list(const char *path, int flags, struct err *err)
{
    int fd = open(path, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    struct stat st;
    if (fd < 0 && errno == ENOENT && flags & O_CREAT && queue_path_make_dirs(path))
        fd = open(path, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    if (fd < 0) {
        err_set(err, errno == ENOENT ? ERR_NONE : ERR_TEMP, "open %s: %s", path, strerror(errno));
        return -1;
    }
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        return fd;
    err_set(err, ERR_TEMP, "open %s: not a regular file", path);
    close(fd);
    return -1;
}

/* Open for appending, locked. A list that was purged between opening and locking is opened anew. */
static int open_locked(const char *path, struct err *err)
{
    struct stat st;
    for (int i = 0; i < OPEN_TRIES; i++) {
        CLEANUP(fd_done) int fd = open_list(path, O_WRONLY | O_APPEND | O_CREAT, err);
        if (fd < 0)
            return -1;
        if (!fd_lock(fd, true, true) || fstat(fd, &st) < 0) {
            err_set(err, ERR_TEMP, "lock %s: %s", path, strerror(errno));
            return -1;
        }
        if (st.st_nlink > 0)
            return fd_take(&fd);
    }
    err_set(err, ERR_TEMP, "open %s: it is removed again and again", path);
    return -1;
}

bool flush_site_add(const char *site, const char *queue_id, struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf name = STRBUF_ANY;
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_ANY;
    CLEANUP(strbuf_done) struct strbuf line = STRBUF_ANY;
    flush_site_name(&name, site);
    queue_path(&path, FLUSH_DIRECTORY, name.s);
    CLEANUP(fd_done) int fd = open_locked(path.s, err);
    if (fd < 0)
        return err && err->kind != ERR_NONE
                   ? false
                   : err_set(err, ERR_TEMP, "create %s: %s", path.s, strerror(errno));
    strbuf_addf(&line, "%s\n", queue_id);
    /* One write: dying here leaves a piece of a line at worst, and that one message waits for its
     * ordinary turn. */
    if (!fd_write_all(fd, line.s, line.len))
        return err_set(err, ERR_TEMP, "append to %s: %s", path.s, strerror(errno));
    return true;
}

bool flush_site_open(const char *name, struct flush_site *ret, struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_ANY;
    struct stat st;
    queue_path(&path, FLUSH_DIRECTORY, name);
    CLEANUP(fd_done) int fd = open_list(path.s, O_RDWR, err);
    if (fd < 0)
        return false;
    if (fstat(fd, &st) < 0)
        return err_set(err, ERR_TEMP, "%s: %s", path.s, strerror(errno));
    if (st.st_size == 0)
        return false;
    *ret = (struct flush_site){fd_take(&fd), st.st_size, 0};
    return true;
}

bool flush_site_next(struct flush_site *site, struct strbuf *ret_id)
{
    char text[LINE_MAX_READ];
    strbuf_reset(ret_id);
    if (site->at >= site->size)
        return false;
    size_t want = (size_t)MIN((off_t)sizeof text, site->size - site->at);
    ssize_t got = pread(site->fd, text, want, site->at);
    if (got <= 0)
        return false;
    struct slice in = {text, (size_t)got};
    size_t end = slice_find(in, '\n');
    site->at += end == SIZE_MAX ? got : (off_t)end + 1;
    struct slice id = slice_first(in, end);
    if (end != SIZE_MAX && id.len <= QUEUE_ID_MAX && queue_id_is_valid(id))
        strbuf_set_slice(ret_id, id);
    return true;
}

/* Bring what stands after FROM to the front. */
static bool move_rest(int fd, off_t from, off_t *ret_size)
{
    char piece[4096];
    off_t to = 0;
    ssize_t got;
    while ((got = pread(fd, piece, sizeof piece, from + to)) > 0) {
        if (!fd_pwrite_all(fd, piece, (size_t)got, to))
            return false;
        to += got;
    }
    *ret_size = to;
    return got == 0;
}

bool flush_site_clear(struct flush_site *site, struct err *err)
{
    off_t size;
    if (!fd_lock(site->fd, true, true))
        return err_set(err, ERR_TEMP, "lock list of a site: %s", strerror(errno));
    /* What was added meanwhile is fewer bytes than what was taken, or it is twice in the file for a
     * moment: never lost. */
    bool ok = move_rest(site->fd, site->at, &size) && ftruncate(site->fd, size) == 0;
    if (!ok)
        err_set(err, ERR_TEMP, "rewrite list of a site: %s", strerror(errno));
    fd_lock(site->fd, false, true); /* others may look; closing gives it up */
    return ok;
}

void flush_site_close(struct flush_site *site)
{
    fd_done(&site->fd);
    site->fd = -1;
}

bool flush_site_purge(const char *name, int64_t max_age_s, struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_ANY;
    struct stat st;
    struct timeval now;
    queue_path(&path, FLUSH_DIRECTORY, name);
    CLEANUP(fd_done) int fd = open_list(path.s, O_RDWR, err);
    if (fd < 0)
        return err && err->kind == ERR_NONE;
    clock_wall(&now);
    if (!fd_lock(fd, true, false)) /* in use, then it is not old */
        return true;
    if (fstat(fd, &st) < 0 || st.st_size > 0 || st.st_mtime + max_age_s > now.tv_sec)
        return true;
    /* under the lock: who waits for it sees that the file has no name any more */
    if (unlink(path.s) < 0 && errno != ENOENT)
        return err_set(err, ERR_TEMP, "remove %s: %s", path.s, strerror(errno));
    return true;
}
