#include "postcat/postcat_source.h"

#include "base/xmem.h"

#include <errno.h>
#include <unistd.h>

enum { READ_CHUNK = 64 * 1024 };

struct postcat_source {
    struct queue_reader *reader; /* follows pointers; or NULL: */
    int fd;
    struct strbuf in;
    size_t used;
    off_t offset; /* of the next record */
};

struct postcat_source *postcat_source_new(int fd, bool follow_pointers, off_t from_offset,
                                          struct err *err)
{
    struct postcat_source *s = xzalloc(sizeof *s);
    s->fd = fd;
    s->offset = from_offset;
    strbuf_init(&s->in, SIZE_MAX / 4);
    bool can_seek = lseek(fd, from_offset, SEEK_SET) >= 0;
    if (can_seek && follow_pointers)
        s->reader = queue_reader_new(fd);
    if ((!can_seek && from_offset > 0) ||
        (s->reader && !queue_reader_seek(s->reader, from_offset))) {
        err_set(err, ERR_PERM, "cannot skip to offset %lld", (long long)from_offset);
        postcat_source_free(s);
        return NULL;
    }
    return s;
}

void postcat_source_free(struct postcat_source *s)
{
    if (!s)
        return;
    queue_reader_free(s->reader);
    strbuf_done(&s->in);
    free(s);
}

/* Read on; false at the end of the input. */
static bool source_fill(struct postcat_source *s, struct err *err)
{
    ssize_t n;
    strbuf_remove_front(&s->in, s->used);
    s->used = 0;
    do {
        n = read(s->fd, strbuf_room(&s->in, READ_CHUNK), READ_CHUNK);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return err_set(err, ERR_TEMP, "%s", strerror(errno));
    strbuf_grew(&s->in, (size_t)n);
    return n > 0;
}

enum queue_read postcat_source_next(struct postcat_source *s, int *ret_type, struct slice *ret_data,
                                    off_t *ret_offset, struct err *err)
{
    if (s->reader)
        return queue_reader_next(s->reader, ret_type, ret_data, ret_offset, err);
    for (;;) {
        size_t size;
        struct slice in = slice_from(strbuf_slice(&s->in), s->used);
        enum record_status status = record_peek(in, ret_type, ret_data, &size);
        if (status == RECORD_READY) {
            *ret_offset = s->offset;
            s->used += size;
            s->offset += (off_t)size;
            return QUEUE_READ_OK;
        }
        bool is_empty = in.len == 0;
        if (status == RECORD_MORE && source_fill(s, err))
            continue;
        if (status == RECORD_MORE && is_empty && err->kind == ERR_NONE)
            return QUEUE_READ_END;
        if (err->kind == ERR_NONE)
            err_set(err, ERR_PERM, "%s at offset %lld",
                    status == RECORD_BAD ? "bad record length" : "unexpected EOF in data",
                    (long long)s->offset);
        return QUEUE_READ_BAD;
    }
}
