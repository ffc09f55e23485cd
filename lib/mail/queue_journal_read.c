#include "base/strbuf.h"
#include "io/fd.h"
#include "mail/queue_id.h"
#include "mail/queue_journal_private.h"

#include <errno.h>
#include <unistd.h>
#include <zlib.h>

uint32_t journal_sum(const void *data, size_t len)
{
    return (uint32_t)crc32_z(0, data, len);
}

bool journal_header_read(int fd, struct journal_header *ret)
{
    enum { SUMMED = offsetof(struct journal_header, first_live) };
    return pread(fd, ret, sizeof *ret, 0) == (ssize_t)sizeof *ret && ret->magic == JOURNAL_MAGIC &&
           ret->sum == journal_sum((const char *)ret + SUMMED, sizeof *ret - SUMMED) &&
           memchr(ret->origin, 0, sizeof ret->origin);
}

bool journal_header_write(int fd, uint64_t first_live, const struct queue_journal_origin *origin)
{
    enum { SUMMED = offsetof(struct journal_header, first_live) };
    struct journal_header header = {.magic = JOURNAL_MAGIC, .first_live = first_live};
    memcpy(header.origin, origin->text, sizeof header.origin);
    header.sum = journal_sum((const char *)&header + SUMMED, sizeof header - SUMMED);
    return fd_pwrite_all(fd, &header, sizeof header, 0);
}

/* The entry at the front of BYTES, if it is a whole one. */
static bool next_entry(struct slice *bytes, uint64_t *ret_generation,
                       struct queue_journal_entry *ret)
{
    enum { SUMMED = offsetof(struct journal_entry_head, generation) };
    struct journal_entry_head head;
    if (bytes->len < sizeof head)
        return false;
    memcpy(&head, bytes->s, sizeof head);
    if (head.magic != JOURNAL_ENTRY_MAGIC || head.generation == 0 ||
        head.data_len > QUEUE_JOURNAL_ENTRY_MAX)
        return false;
    size_t size = sizeof head + head.queue_len + head.id_len + head.data_len;
    if (bytes->len < size || head.sum != journal_sum(bytes->s + SUMMED, size - SUMMED))
        return false;
    struct slice rest = slice_from(*bytes, sizeof head);
    ret->queue = slice_first(rest, head.queue_len);
    ret->id = slice_first(slice_from(rest, head.queue_len), head.id_len);
    ret->data = slice_first(slice_from(rest, (size_t)head.queue_len + head.id_len), head.data_len);
    *ret_generation = head.generation;
    *bytes = slice_from(*bytes, size);
    return true;
}

bool queue_journal_scan(struct slice half, uint64_t first_live, queue_journal_fn fn, void *ctx)
{
    struct queue_journal_entry entry;
    uint64_t generation, first = 0;
    while (next_entry(&half, &generation, &entry)) {
        if (generation < first_live || (first != 0 && generation != first))
            return true; /* from here on what an earlier turn left */
        first = generation;
        if (!queue_id_is_valid(entry.id) || entry.id.len > QUEUE_ID_MAX ||
            !(slice_eq(entry.queue, QUEUE_INCOMING) || slice_eq(entry.queue, QUEUE_HOLD)))
            continue; /* not of our making; no path is made of it */
        if (!fn(ctx, &entry))
            return false;
    }
    return true;
}

/* Most halves begin with what is forgotten. */
static bool may_be_live(int fd, int half, uint64_t first_live)
{
    struct journal_entry_head head;
    return pread(fd, &head, sizeof head, journal_half_at(half)) == (ssize_t)sizeof head &&
           head.magic == JOURNAL_ENTRY_MAGIC && head.generation >= first_live;
}

static bool read_half(int fd, int half, struct strbuf *out, struct err *err)
{
    strbuf_reset(out);
    char *room = strbuf_room(out, QUEUE_JOURNAL_HALF);
    while (out->len < QUEUE_JOURNAL_HALF) {
        ssize_t n = pread(fd, room + out->len, QUEUE_JOURNAL_HALF - out->len,
                          journal_half_at(half) + (off_t)out->len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set(err, ERR_TEMP, "%s", strerror(errno));
        if (n == 0)
            break;
        strbuf_grew(out, (size_t)n);
    }
    return true;
}

struct queue_journal_origin queue_journal_origin_of(int fd)
{
    struct queue_journal_origin origin = {""};
    struct journal_header header;
    if (journal_header_read(fd, &header))
        memcpy(origin.text, header.origin, sizeof origin.text);
    return origin;
}

bool queue_journal_read(int fd, queue_journal_fn fn, void *ctx, struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf bytes = STRBUF_ANY;
    struct journal_header header;
    /* Without a header nothing is known to be settled. */
    if (!journal_header_read(fd, &header))
        header = (struct journal_header){.first_live = 0};
    for (int half = 0; half < 2; half++)
        if (may_be_live(fd, half, header.first_live) &&
            (!read_half(fd, half, &bytes, err) ||
             !queue_journal_scan(strbuf_slice(&bytes), header.first_live, fn, ctx)))
            return false;
    return true;
}

bool queue_journal_clear(int fd, struct err *err)
{
    if (ftruncate(fd, 0) < 0 || fdatasync(fd) < 0)
        return err_set(err, ERR_TEMP, "%s", strerror(errno));
    return true;
}
