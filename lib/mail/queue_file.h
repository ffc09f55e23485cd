/*
 * queue_file: reading queue files of ours or of Postfix, and updating them in place.
 *
 * Well framed is all that is taken on trust: offsets and pointers are checked, every loop is
 * bounded by the file's size.
 */
#ifndef MAIL_QUEUE_FILE_H
#define MAIL_QUEUE_FILE_H

#include "base/arena.h"
#include "mail/envelope.h"
#include "mail/record.h"

#include <sys/types.h>

struct queue_reader; /* buffered, follows pointer records */

struct queue_reader *queue_reader_new(int fd); /* FD stays the caller's; -1: not yet */
/* Go on with another file, of SIZE bytes: for those who read many. */
void queue_reader_restart(struct queue_reader *r, int fd, off_t size);
void queue_reader_free(struct queue_reader *r);
bool queue_reader_seek(struct queue_reader *r, off_t offset); /* false: outside the file */
off_t queue_reader_tell(const struct queue_reader *r); /* where the next record is looked for */
/* For those who take many records at once: what is in memory from there on, valid until the next
 * call; and how many of its bytes and records, none of them a pointer, were taken. */
struct slice queue_reader_window(const struct queue_reader *r);
void queue_reader_skip(struct queue_reader *r, size_t bytes, size_t records);
enum queue_read { QUEUE_READ_OK, QUEUE_READ_END /* end of file */, QUEUE_READ_BAD };
/* The next record with pointers followed; RET_OFFSET (may be NULL) is where it stands. DATA is
 * valid until the next call. */
enum queue_read queue_reader_next(struct queue_reader *r, int *ret_type, struct slice *ret_data,
                                  off_t *ret_offset, struct err *err);

/* Which recipients to keep in memory: at most recipient_limit (0: all), from file offset
 * from_offset on (0: the first; else a next_offset of before, and then nothing but the recipients
 * is filled in). next_offset is set: where to go on, 0 when all were seen. */
struct envelope_read {
    size_t recipient_limit;
    off_t from_offset, next_offset;
};
/* Read envelope and extracted segments. The texts live in ARENA. ERR_PERM: the file is corrupt. */
bool queue_file_read_envelope(int fd, struct arena *arena, struct envelope_read *how,
                              struct envelope *ret, struct err *err);

/* Mark one recipient done: R becomes D at OFFSET. If the process dies before this write the
 * recipient is delivered again; after it, never. Checks that an R (or D) stands there. */
bool queue_file_mark_done(int fd, off_t offset, struct err *err);
/* The delay warning was sent. */
bool queue_file_clear_warning(int fd, off_t offset, struct err *err);

/* Content as text lines: call FN with each piece; ENDS_LINE tells a whole line (N) from a part (L).
 * FN returns false to stop. */
bool queue_file_each_line(int fd, off_t data_offset,
                          bool (*fn)(void *ctx, struct slice piece, bool ends_line), void *ctx,
                          struct err *err);

#endif
