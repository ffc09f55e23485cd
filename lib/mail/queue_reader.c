/*
 * The records of a queue file in the order that pointers give them.
 *
 * A file's bytes are not trusted: a record must lie within the file, a pointer must lead into it,
 * and the number of records read is bounded by the file's size, so that pointers in a circle end.
 */
#include "mail/queue_file.h"

#include "base/num.h"
#include "base/xmem.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

/* The first read serves a small message; who reads on gets more at once. */
enum { READ_FIRST = 16 * 1024, READ_AHEAD = 128 * 1024, SMALLEST_RECORD = 2 };

struct queue_reader {
    int fd;
    off_t size;      /* of the file, when reading began */
    off_t at;        /* of the next record */
    off_t window_at; /* file offset of window.s[0] */
    struct strbuf window;
    size_t read_size;   /* of the next read */
    off_t records_left; /* before we call the file circular */
};

struct queue_reader *queue_reader_new(int fd)
{
    struct queue_reader *r = xzalloc(sizeof *r);
    struct stat st;
    strbuf_init(&r->window, RECORD_MAX + READ_AHEAD);
    queue_reader_restart(r, fd, fd >= 0 && fstat(fd, &st) == 0 ? st.st_size : 0);
    return r;
}

void queue_reader_restart(struct queue_reader *r, int fd, off_t size)
{
    r->fd = fd;
    r->size = size;
    r->read_size = READ_FIRST;
    strbuf_reset(&r->window);
    r->window_at = 0;
    queue_reader_seek(r, 0);
}

void queue_reader_free(struct queue_reader *r)
{
    if (!r)
        return;
    strbuf_done(&r->window);
    free(r);
}

bool queue_reader_seek(struct queue_reader *r, off_t offset)
{
    if (offset < 0 || offset > r->size)
        return false;
    r->at = offset;
    /* each record is read once; the pointers and the records they replaced are counted in */
    r->records_left = r->size / SMALLEST_RECORD + 1;
    return true;
}

off_t queue_reader_tell(const struct queue_reader *r)
{
    return r->at;
}

struct slice queue_reader_window(const struct queue_reader *r)
{
    off_t skip = r->at - r->window_at;
    if (skip < 0 || (uint64_t)skip >= r->window.len)
        return SLICE_EMPTY;
    return slice_from(strbuf_slice(&r->window), (size_t)skip);
}

void queue_reader_skip(struct queue_reader *r, size_t bytes, size_t records)
{
    r->at += (off_t)bytes;
    r->records_left -= (off_t)records;
}

/* Have at least one byte more than HAVE in memory from r->at on, as many as a read gives. False:
 * end of file (ERR untouched) or read error. */
static bool window_fill(struct queue_reader *r, size_t have, struct err *err)
{
    if (have == 0) {
        strbuf_reset(&r->window);
        r->window_at = r->at;
    } else if (r->at > r->window_at) {
        strbuf_remove_front(&r->window, (size_t)(r->at - r->window_at));
        r->window_at = r->at;
    }
    size_t want = MAX(r->read_size, MIN(have, (size_t)RECORD_MAX));
    r->read_size = READ_AHEAD;
    want = MIN(want, r->window.max - r->window.len);
    char *room = strbuf_room(&r->window, want);
    if (!room || want == 0)
        return false;
    ssize_t got;
    do
        got = pread(r->fd, room, want, r->window_at + (off_t)r->window.len);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return err_set(err, ERR_TEMP, "read queue file: %s", strerror(errno));
    strbuf_grew(&r->window, (size_t)got);
    return got > 0;
}

static enum queue_read bad(struct err *err, const char *what, off_t offset)
{
    err_set(err, ERR_PERM, "%s at offset %lld", what, (long long)offset);
    return QUEUE_READ_BAD;
}

static enum queue_read next_raw(struct queue_reader *r, int *ret_type, struct slice *ret_data,
                                struct err *err)
{
    for (;;) {
        struct slice in = queue_reader_window(r);
        size_t size;
        enum record_status status =
            in.len > 0 ? record_peek(in, ret_type, ret_data, &size) : RECORD_MORE;
        if (status == RECORD_BAD)
            return bad(err, "bad record length", r->at);
        if (status == RECORD_READY) {
            r->at += (off_t)size;
            return QUEUE_READ_OK;
        }
        struct err read_err = ERR_INIT;
        if (!window_fill(r, in.len, &read_err)) {
            if (read_err.kind != ERR_NONE) {
                if (err)
                    *err = read_err;
                return QUEUE_READ_BAD;
            }
            return in.len == 0 ? QUEUE_READ_END : bad(err, "record cut short", r->at);
        }
    }
}

/* An offset written as a number, right-justified in blanks. */
static bool parse_offset(struct slice text, int64_t *ret)
{
    return num_parse_i64(slice_trim(text), ret) && *ret >= 0;
}

enum queue_read queue_reader_next(struct queue_reader *r, int *ret_type, struct slice *ret_data,
                                  off_t *ret_offset, struct err *err)
{
    for (;;) {
        off_t offset = r->at;
        int type;
        struct slice data;
        if (r->records_left-- <= 0)
            return bad(err, "pointers in a circle", offset);
        enum queue_read status = next_raw(r, &type, &data, err);
        if (status != QUEUE_READ_OK)
            return status;
        if (type != REC_POINTER) {
            *ret_type = type;
            *ret_data = data;
            if (ret_offset)
                *ret_offset = offset;
            return QUEUE_READ_OK;
        }
        int64_t target;
        if (!parse_offset(data, &target) || target > r->size)
            return bad(err, "bad pointer record", offset);
        if (target > 0) /* 0: not used yet */
            r->at = (off_t)target;
    }
}
