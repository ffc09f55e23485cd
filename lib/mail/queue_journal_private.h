/* queue_journal_private: how a journal is laid out, for its writer and its reader. In the byte
 * order of the machine: a queue does not move to another one with its memory lost. */
#ifndef MAIL_QUEUE_JOURNAL_PRIVATE_H
#define MAIL_QUEUE_JOURNAL_PRIVATE_H

#include "mail/queue_journal.h"

enum {
    JOURNAL_MAGIC = 0x314a4c56, /* "VLJ1" */
    JOURNAL_ENTRY_MAGIC = 0x45 | 'L' << 8 | 'J' << 16 | '1' << 24,
    JOURNAL_FIRST_HALF = 4096, /* before it the header */
};

/* The check sums are over what follows them. */
struct journal_header {
    uint32_t magic, sum;
    uint64_t first_live;
    char origin[sizeof((struct queue_journal_origin *)NULL)->text];
};
struct journal_entry_head {
    uint32_t magic, sum;
    uint64_t generation;
    uint32_t data_len;
    uint16_t queue_len, id_len; /* the two names follow, then the data */
};

static inline off_t journal_half_at(int half)
{
    return JOURNAL_FIRST_HALF + (off_t)half * QUEUE_JOURNAL_HALF;
}
uint32_t journal_sum(const void *data, size_t len);
/* False: there is none, or it was being written. */
bool journal_header_read(int fd, struct journal_header *ret);
bool journal_header_write(int fd, uint64_t first_live, const struct queue_journal_origin *origin);
#endif
