#include "mail/queue_journal.h"

#include "base/num.h"
#include "base/strbuf.h"
#include "base/xmem.h"
#include "io/fd.h"
#include "mail/queue_journal_private.h"
#include "mail/queue_journal_restore.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

struct queue_journal {
    int fd;
    struct queue_journal_origin origin;
    uint64_t generation; /* of the half being filled */
    int half;
    size_t used;       /* of it, on disk */
    struct strbuf out; /* to be written behind that */
    off_t file_size;
};

bool queue_journal_is_possible(void)
{
    struct utsname name;
    struct statfs fs;
    struct slice rest, major, minor;
    int64_t a, b;
    if (uname(&name) < 0 || statfs(".", &fs) < 0 || fs.f_type == TMPFS_MAGIC)
        return false;
    rest = slice_of(name.release);
    return slice_next_token(&rest, ".-+", &major) && slice_next_token(&rest, ".-+", &minor) &&
           num_parse_i64(major, &a) && num_parse_i64(minor, &b) && (a > 5 || (a == 5 && b >= 8));
}

struct queue_journal_origin queue_journal_origin(void)
{
    enum { MNT_ID_UNIQUE = 0x4000 }; /* Linux 6.8; a plain mount id comes again */
    struct queue_journal_origin origin = {""};
    char boot[37] = "";
    struct statx st = {0};
    CLEANUP(fd_done) int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && read(fd, boot, sizeof boot - 1) == (ssize_t)sizeof boot - 1 &&
        statx(AT_FDCWD, ".", 0, MNT_ID_UNIQUE, &st) == 0 && st.stx_mask & MNT_ID_UNIQUE)
        snprintf(origin.text, sizeof origin.text, "%s %llu", boot,
                 (unsigned long long)st.stx_mnt_id);
    return origin;
}

bool queue_journal_same_origin(const struct queue_journal_origin *a,
                               const struct queue_journal_origin *b)
{
    return a->text[0] != '\0' && strcmp(a->text, b->text) == 0;
}

static bool count_entry(void *ctx, const struct queue_journal_entry *entry)
{
    size_t *count = ctx;
    (void)entry;
    ++*count;
    return true;
}

/* A full disk is not to be filled by us. */
static bool has_space(struct err *err)
{
    enum { SPACE_MIN = 256 * 1024 * 1024 };
    struct statvfs fs;
    if (statvfs(QUEUE_JOURNAL_DIR, &fs) < 0)
        return err_set(err, ERR_TEMP, "%s: %s", QUEUE_JOURNAL_DIR, strerror(errno));
    if (fs.f_bavail * fs.f_frsize < SPACE_MIN)
        return err_set(err, ERR_TEMP, "less than %d MB of space", SPACE_MIN >> 20);
    return true;
}

/* What a process that was killed left: in memory it is all there, as long as that memory is. */
static bool settle_left(int fd, const struct queue_journal_origin *now, struct err *err)
{
    struct queue_journal_origin origin = queue_journal_origin_of(fd);
    size_t count = 0;
    if (!queue_journal_read(fd, count_entry, &count, err))
        return false;
    if (count > 0 && !queue_journal_same_origin(&origin, now))
        return err_set(err, ERR_TEMP, "has messages of before a crash; run postsuper -s");
    if (count > 0 && syncfs(fd) < 0)
        return err_set(err, ERR_TEMP, "%s", strerror(errno));
    return count == 0 || queue_journal_clear(fd, err);
}

static bool take(struct queue_journal *j, int number, struct err *err)
{
    char path[sizeof QUEUE_JOURNAL_DIR + 16];
    struct stat st;
    snprintf(path, sizeof path, QUEUE_JOURNAL_DIR "/%d", number);
    CLEANUP(fd_done) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_set(err, ERR_TEMP, "%s: %s", path, strerror(errno));
    if (!fd_lock(fd, true, false))
        return err_set(err, ERR_TEMP, "%s: in use", path);
    if (!settle_left(fd, &j->origin, err))
        return err_prefix(err, path);
    /* The old entries of this file stay where they are and are overwritten; those that are not, are
     * of earlier generations. */
    struct journal_header header;
    j->generation = journal_header_read(fd, &header) ? header.first_live : 1;
    if (!journal_header_write(fd, j->generation, &j->origin) || fsync(fd) < 0)
        return err_set(err, ERR_TEMP, "%s: %s", path, strerror(errno));
    j->file_size = MAX(st.st_size, (off_t)JOURNAL_FIRST_HALF);
    j->fd = fd_take(&fd);
    return true;
}

struct queue_journal *queue_journal_new(const struct queue_journal_origin *origin, struct err *err)
{
    struct queue_journal *j = xzalloc(sizeof *j);
    *j = (struct queue_journal){.fd = -1, .origin = *origin, .out = STRBUF_ANY};
    for (int i = 1; has_space(err) && i <= QUEUE_JOURNALS; i++)
        if (take(j, i, err))
            return j;
    queue_journal_free(j);
    return NULL;
}

void queue_journal_free(struct queue_journal *j)
{
    if (!j)
        return;
    fd_done(&j->fd);
    strbuf_done(&j->out);
    free(j);
}

/* The most that an entry takes besides its data. */
enum { ENTRY_EXTRA = sizeof(struct journal_entry_head) + 128 };

bool queue_journal_has_room(const struct queue_journal *j, size_t size)
{
    return size <= QUEUE_JOURNAL_ENTRY_MAX &&
           j->used + j->out.len + size + ENTRY_EXTRA <= QUEUE_JOURNAL_HALF;
}

bool queue_journal_add(struct queue_journal *j, const char *queue, const char *id, int fd,
                       size_t size)
{
    enum { SUMMED = offsetof(struct journal_entry_head, generation) };
    struct journal_entry_head head = {.magic = JOURNAL_ENTRY_MAGIC, .generation = j->generation};
    size_t start = j->out.len, got = 0;
    head.data_len = (uint32_t)size;
    head.queue_len = (uint16_t)strlen(queue);
    head.id_len = (uint16_t)strlen(id);
    strbuf_add(&j->out, &head, sizeof head);
    strbuf_add_str(&j->out, queue);
    strbuf_add_str(&j->out, id);
    char *room = strbuf_room(&j->out, size);
    while (got < size) {
        ssize_t n = pread(fd, room + got, size - got, (off_t)got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            if (n == 0)
                errno = EIO; /* shorter than what we wrote */
            strbuf_truncate(&j->out, start);
            return false;
        }
        got += (size_t)n;
    }
    strbuf_grew(&j->out, size);
    head.sum = journal_sum(j->out.s + start + SUMMED, j->out.len - start - SUMMED);
    memcpy(j->out.s + start, &head, sizeof head);
    return true;
}

/* Blocks that are there already are overwritten in place: then fdatasync() has the data to write
 * and nothing else. So the file grows ahead of its use. */
static bool grow(struct queue_journal *j, off_t needed)
{
    enum { STEP = 1024 * 1024 };
    static const char zeros[64 * 1024];
    while (j->file_size < needed || j->file_size % STEP != 0) {
        size_t len = sizeof zeros - (size_t)(j->file_size % (off_t)sizeof zeros);
        if (!fd_pwrite_all(j->fd, zeros, len, j->file_size))
            return false;
        j->file_size += (off_t)len;
    }
    return true;
}

bool queue_journal_flush(struct queue_journal *j)
{
    off_t at = journal_half_at(j->half) + (off_t)j->used;
    bool ok = grow(j, at + (off_t)j->out.len) && fd_pwrite_all(j->fd, j->out.s, j->out.len, at) &&
              fdatasync(j->fd) == 0;
    j->used += j->out.len;
    strbuf_reset(&j->out);
    return ok;
}

bool queue_journal_is_empty(const struct queue_journal *j)
{
    return j->used == 0;
}

void queue_journal_turn(struct queue_journal *j)
{
    j->generation++;
    j->half = !j->half;
    j->used = 0;
}

/* syncfs() tells of a write that failed anywhere on the file system. Are all of ours there? */
static bool settle_one_by_one(struct queue_journal *j, struct err *err)
{
    struct queue_restore restore = {.missing_is_gone = true, .is_live = true};
    if (queue_journal_read(j->fd, queue_restore_entry, &restore, &restore.err))
        return true;
    *err = restore.err;
    return false;
}

/* The memory that has these files did not reach the disk, so no process may go by it and forget the
 * entries: they wait for postsuper. */
static void keep(struct queue_journal *j)
{
    static const struct queue_journal_origin unknown = {""};
    struct journal_header header;
    if (journal_header_read(j->fd, &header) &&
        journal_header_write(j->fd, header.first_live, &unknown))
        fdatasync(j->fd);
}

/* Runs beside add and flush: of J it uses what they do not change. */
bool queue_journal_settle(struct queue_journal *j, struct err *err)
{
    if (syncfs(j->fd) < 0 && !settle_one_by_one(j, err)) {
        keep(j);
        return false;
    }
    /* Dying before this leaves entries of files that are on disk; they will be compared. */
    if (!journal_header_write(j->fd, j->generation, &j->origin) || fdatasync(j->fd) < 0)
        return err_set(err, ERR_TEMP, "write %s: %s", QUEUE_JOURNAL_DIR, strerror(errno));
    return true;
}
