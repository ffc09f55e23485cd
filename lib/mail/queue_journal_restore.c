#include "mail/queue_journal_restore.h"

#include "base/strbuf.h"
#include "io/fd.h"
#include "mail/queue_id.h"
#include "mail/record.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static bool fail(struct queue_restore *r, const char *path)
{
    return err_set(&r->err, ERR_TEMP, "%s: %s", path, strerror(errno));
}

/* The file with this id; it may be on its way from one queue to the next while we look. */
static int find(struct slice id, struct strbuf *path)
{
    static const char *const queues[] = {QUEUE_INCOMING, QUEUE_ACTIVE, QUEUE_DEFERRED, QUEUE_HOLD,
                                         QUEUE_CORRUPT};
    enum { ROUNDS = 3 };
    char name[QUEUE_ID_MAX + 1] = "";
    memcpy(name, id.s, id.len);
    for (size_t i = 0; i < ROUNDS * COUNT_OF(queues); i++) {
        queue_path(path, queues[i % COUNT_OF(queues)], name);
        int fd = open(path->s, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
        if (fd >= 0 || errno != ENOENT)
            return fd;
    }
    return -1;
}

/* Do the bytes of the file differ from the entry in nothing but what deliveries change? */
static bool is_whole(struct slice now, struct slice then)
{
    int type, type_now;
    struct slice data, data_now;
    size_t size, size_now;
    if (now.len != then.len)
        return false;
    while (then.len > 0) {
        if (record_peek(then, &type, &data, &size) != RECORD_READY ||
            record_peek(now, &type_now, &data_now, &size_now) != RECORD_READY || size != size_now)
            return false;
        bool is_done = type == REC_RECIPIENT && type_now == REC_DONE;
        bool is_warned = type == REC_WARN && type_now == REC_WARN;
        if ((type != type_now && !is_done) || (!is_warned && !slice_same(data, data_now)))
            return false;
        then = slice_from(then, size);
        now = slice_from(now, size);
    }
    return true;
}

static bool file_is_whole(int fd, struct slice data, struct strbuf *now)
{
    char *room = strbuf_room(now, data.len + 1);
    ssize_t n = pread(fd, room, data.len + 1, 0);
    if (n < 0)
        return false;
    strbuf_grew(now, (size_t)n);
    return is_whole(strbuf_slice(now), data);
}

/* The memory that has these bytes may be the leftover of a write that failed: as new ones they go
 * to the disk, or fail again. The time of the file is when it is to be tried again. */
static bool write_again(int fd, struct slice bytes)
{
    struct stat st;
    if (fstat(fd, &st) < 0 || !fd_pwrite_all(fd, bytes.s, bytes.len, 0))
        return false;
    struct timespec times[] = {st.st_atim, st.st_mtim};
    return futimens(fd, times) == 0;
}

/* The new name, too. */
static bool sync_directory(const char *path)
{
    CLEANUP(strbuf_done) struct strbuf dir = STRBUF_ANY;
    strbuf_set_slice(&dir, slice_first(slice_of(path), slice_rfind(slice_of(path), '/')));
    CLEANUP(fd_done) int fd = open(dir.s, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 && fsync(fd) == 0;
}

static int create(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 && errno == ENOENT && queue_path_make_dirs(path))
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    return fd;
}

static bool write_anew(int fd, struct slice data)
{
    /* Not mail while it is being written. */
    return fchmod(fd, 0600) == 0 && ftruncate(fd, 0) == 0 && fd_pwrite_all(fd, data.s, data.len, 0);
}

/* Where the entry belongs. */
static int open_anew(const struct queue_journal_entry *entry, struct strbuf *path)
{
    CLEANUP(strbuf_done) struct strbuf queue = STRBUF_ANY;
    CLEANUP(strbuf_done) struct strbuf id = STRBUF_ANY;
    strbuf_set_slice(&queue, entry->queue);
    strbuf_set_slice(&id, entry->id);
    queue_path(path, queue.s, id.s);
    return create(path->s);
}

/* Complete, by its mode, and on disk with its name. */
static bool settle(int fd, const char *path)
{
    struct stat st;
    return fstat(fd, &st) == 0 && (st.st_mode & S_IXUSR || fchmod(fd, 0700) == 0) &&
           fsync(fd) == 0 && sync_directory(path);
}

bool queue_restore_entry(void *ctx, const struct queue_journal_entry *entry)
{
    struct queue_restore *r = ctx;
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_ANY, now = STRBUF_ANY;
    CLEANUP(fd_done) int fd = find(entry->id, &path);
    bool is_there = fd >= 0;
    r->checked++;
    if (!is_there && errno == ENOENT) {
        if (r->missing_is_gone)
            return true;
        fd = open_anew(entry, &path);
    }
    if (fd < 0)
        return fail(r, path.s);
    if (!is_there || !file_is_whole(fd, entry->data, &now)) {
        if (r->is_live)
            return err_set(&r->err, ERR_TEMP, "%s: damaged", path.s);
        if (!write_anew(fd, entry->data))
            return fail(r, path.s);
        r->restored++;
    } else if (!r->is_live && !write_again(fd, strbuf_slice(&now))) {
        return fail(r, path.s);
    }
    return settle(fd, path.s) || fail(r, path.s);
}
