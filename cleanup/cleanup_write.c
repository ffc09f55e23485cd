/*
 * The queue file: made under a temporary name, renamed to its id at once, filled from a buffer.
 *
 * Until cleanup_commit.c sets the owner's execute bit the file is nobody's mail: qmgr passes it by,
 * and one left behind by a process that died is removed by postsuper -p when a day old.
 */
#include "cleanup/cleanup_message.h"

#include "base/clock.h"
#include "config/common_params.h"
#include "io/fd.h"
#include "mail/queue_id.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    WRITE_AT = 256 * 1024,   /* a smaller message is one write */
    DIRECT_FROM = 16 * 1024, /* of a larger one, pieces like this are not gathered */
    WRITEBACK_AT = 2 * 1024 * 1024,
    RECORD_ALLOWANCE = 4, /* for a record's type and length, when room is looked for */
    SIZE_RECORD_LEN = 95,
    LINE_PIECE = 2048,
    CREATE_TRIES = 100,
    ENVELOPE_ALLOWANCE = 16 * 1024 * 1024, /* a file may be this much larger than its content */
};

static void write_error(struct cleanup_message *m, const char *what)
{
    int error = errno;
    cleanup_message_warn(m, "%s: %s", what, strerror(error));
    m->status |= CLEANUP_STAT_WRITE;
}

/* Rename a temporary file to its id, making hashed directories on the way. */
static bool move_to_id(const char *temporary, const char *id)
{
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_INIT(4096);
    queue_path(&path, QUEUE_INCOMING, id);
    if (rename(temporary, path.s) == 0)
        return true;
    return errno == ENOENT && queue_path_make_dirs(path.s) && rename(temporary, path.s) == 0;
}

bool cleanup_write_create(struct cleanup_message *m)
{
    for (int tries = 0; tries < CREATE_TRIES; tries++) {
        char temporary[64];
        clock_wall(&m->created);
        snprintf(temporary, sizeof temporary, QUEUE_INCOMING "/%ld.%d",
                 (long)m->created.tv_usec + tries, (int)getpid());
        /* Dying after this leaves an empty file of mode 0600. */
        CLEANUP(fd_done) int fd = open(temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0) {
            if (errno == EEXIST)
                continue;
            log_warn(NULL, "create file %s: %s", temporary, strerror(errno));
            return false;
        }
        struct stat st;
        CLEANUP(strbuf_done) struct strbuf id = STRBUF_INIT(QUEUE_ID_MAX);
        if (fstat(fd, &st) == 0) {
            queue_id_make(&m->created, st.st_ino, common_params.enable_long_queue_ids, &id);
            /* The inode is in the id, so nobody else can have this name at this microsecond. Dying
             * after the rename leaves a file of mode 0600 as before. */
            if (move_to_id(temporary, id.s)) {
                m->fd = fd_take(&fd);
                m->id = arena_slice_dup(m->arena, strbuf_slice(&id));
                m->queue = QUEUE_INCOMING;
                return true;
            }
        }
        log_warn(NULL, "rename %s to queue id: %s", temporary, strerror(errno));
        unlink(temporary);
        return false;
    }
    log_warn(NULL, "create file in " QUEUE_INCOMING ": no free name");
    return false;
}

/* A large file is on its way to the disk while the rest of it arrives, so that the fsync() at its
 * end has little to wait for. No promise comes from this, and no error. */
static void start_writeback(struct cleanup_message *m)
{
    off_t ready = m->written - m->writing;
    if (ready >= WRITEBACK_AT) {
        sync_file_range(m->fd, m->writing, ready, SYNC_FILE_RANGE_WRITE);
        m->writing = m->written;
    }
}

static bool write_out(struct cleanup_message *m, struct slice data)
{
    if (m->status & CLEANUP_STAT_WRITE)
        return false;
    if (data.len > 0 && !fd_write_all(m->fd, data.s, data.len)) {
        write_error(m, "write queue file"); /* ENOSPC, EIO, EFBIG, EDQUOT */
        return false;
    }
    m->written += (off_t)data.len;
    start_writeback(m);
    return true;
}

static bool flush_out(struct cleanup_message *m)
{
    if (!write_out(m, strbuf_slice(&m->out)))
        return false;
    strbuf_reset(&m->out);
    return true;
}

off_t cleanup_write_offset(const struct cleanup_message *m)
{
    return m->written + (off_t)m->out.len;
}

/* The content may be as large as message_size_limit; the file never grows without bound. */
static bool has_room(struct cleanup_message *m, size_t len)
{
    int64_t limit = common_params.message_size_limit;
    off_t end = cleanup_write_offset(m) + (off_t)len;
    if (limit <= 0)
        return true;
    if (m->phase == CLEANUP_PHASE_CONTENT && end - m->data_offset > limit) {
        cleanup_message_fail(m, CLEANUP_STAT_SIZE, NULL);
        return false;
    }
    if (end - limit > ENVELOPE_ALLOWANCE) {
        cleanup_message_fail(m, CLEANUP_STAT_SIZE, NULL);
        m->flags &= ~(int64_t)CLEANUP_FLAG_BOUNCE; /* too big to be kept for a bounce, too */
        return false;
    }
    return true;
}

static void flush_when_large(struct cleanup_message *m)
{
    if (m->out.len >= WRITE_AT)
        flush_out(m);
}

bool cleanup_write_fits(const struct cleanup_message *m, size_t content)
{
    int64_t limit = common_params.message_size_limit;
    off_t end = cleanup_write_offset(m) + (off_t)content + RECORD_ALLOWANCE;
    return limit <= 0 || (end - m->data_offset <= limit && end - limit <= ENVELOPE_ALLOWANCE);
}

void cleanup_write_raw(struct cleanup_message *m, struct slice records)
{
    /* the first WRITE_AT bytes are gathered, as most messages end before */
    if (m->written == 0 || records.len < DIRECT_FROM) {
        strbuf_add_slice(&m->out, records);
        flush_when_large(m);
    } else if (flush_out(m)) {
        write_out(m, records);
    }
}

void cleanup_write_record(struct cleanup_message *m, int type, struct slice data)
{
    if ((m->status & CLEANUP_STAT_WRITE) || !has_room(m, data.len + RECORD_ALLOWANCE))
        return;
    record_add(&m->out, type, data);
    flush_when_large(m);
}

void cleanup_write_attribute(struct cleanup_message *m, const char *name, const char *value)
{
    if ((m->status & CLEANUP_STAT_WRITE) ||
        !has_room(m, strlen(name) + strlen(value) + 1 + RECORD_ALLOWANCE))
        return;
    record_add_attribute(&m->out, name, value);
    flush_when_large(m);
}

void cleanup_write_text(struct cleanup_message *m, struct slice text)
{
    for (;;) {
        size_t end = slice_find(text, '\n');
        struct slice line = end == SIZE_MAX ? text : slice_first(text, end);
        while (line.len > LINE_PIECE) {
            cleanup_write_record(m, REC_LINE_PART, slice_first(line, LINE_PIECE));
            line = slice_from(line, LINE_PIECE);
        }
        cleanup_write_record(m, REC_LINE, line);
        if (end == SIZE_MAX)
            return;
        text = slice_from(text, end + 1);
    }
}

enum { POINTER_LEN = 15, POINTER_SIZE = 2 + POINTER_LEN };

off_t cleanup_write_pointer(struct cleanup_message *m, off_t target)
{
    char text[POINTER_LEN + 8];
    off_t at = cleanup_write_offset(m);
    snprintf(text, sizeof text, "%*lld", POINTER_LEN, (long long)target);
    cleanup_write_record(m, REC_POINTER, slice_of(text));
    return at;
}

bool cleanup_write_flush(struct cleanup_message *m)
{
    return flush_out(m);
}

bool cleanup_write_pointer_at(struct cleanup_message *m, off_t at, off_t target)
{
    char text[POINTER_SIZE + 8];
    snprintf(text, sizeof text, "%c%c%*lld", REC_POINTER, POINTER_LEN, POINTER_LEN,
             (long long)target);
    /* Dying before or after leaves a file of mode 0600, which is nobody's mail. */
    if (fd_pwrite_all(m->fd, text, POINTER_SIZE, at))
        return true;
    write_error(m, "write pointer record");
    return false;
}

void cleanup_write_header(struct cleanup_message *m, struct slice text)
{
    if (!m->has_milters) {
        cleanup_write_text(m, text);
        return;
    }
    size_t end = slice_find(text, '\n');
    struct slice first = slice_first(text, end);
    cleanup_write_text(m, first);
    if (first.len + 2 < POINTER_SIZE) {
        CLEANUP(strbuf_done) struct strbuf padding = STRBUF_ANY;
        strbuf_add_fill(&padding, '0',
                        POINTER_SIZE - 2 - MIN(first.len + 2, (size_t)POINTER_SIZE - 2));
        cleanup_write_record(m, REC_PADDING, strbuf_slice(&padding));
    }
    if (end != SIZE_MAX)
        cleanup_write_text(m, slice_from(text, end + 1));
}

bool cleanup_write_finish(struct cleanup_message *m)
{
    char size[2 + SIZE_RECORD_LEN + 1];
    snprintf(size, sizeof size, "%c%c%15lld %15lld %15lld %15lld %15lld %15lld", REC_SIZE,
             SIZE_RECORD_LEN, (long long)m->env.message_size, (long long)m->env.data_offset,
             (long long)m->env.recipient_count, (long long)m->env.hints,
             (long long)m->env.content_size, (long long)m->env.smtputf8);
    if (m->written == 0) { /* all of it is still in memory */
        for (size_t i = 0; i < sizeof size - 1; i++)
            m->out.s[i] = size[i];
        return flush_out(m);
    }
    if (!flush_out(m))
        return false;
    if (fd_pwrite_all(m->fd, size, sizeof size - 1, 0))
        return true;
    write_error(m, "write size record");
    return false;
}

void cleanup_write_remove(struct cleanup_message *m)
{
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_INIT(4096);
    if (!m->id)
        return;
    queue_path(&path, m->queue, m->id);
    if (unlink(path.s) < 0 && errno != ENOENT)
        cleanup_message_warn(m, "remove %s: %s", path.s, strerror(errno));
    m->id = NULL;
}
