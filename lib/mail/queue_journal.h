/*
 * queue_journal: new queue files made durable many at a time.
 *
 * An fsync() for each new queue file is most of what an accepted message costs. Here the contents
 * of many files go into one file with one write and one fdatasync(); the files themselves are in
 * the kernel's memory, where all programs see them, and the kernel writes them when it likes. Only
 * a machine that loses its memory needs the journal: queue_journal_restore.h puts back what is
 * missing. Every few seconds all files are known to be on disk (syncfs), and their entries are
 * forgotten.
 *
 * A process has one journal/N of its own, kept by flock(). Its entries are in two halves that take
 * turns: one is filled while the other is settled. Entries carry the generation of their half;
 * those before the header's first_live are forgotten. See docs/decisions/0024.
 */
#ifndef MAIL_QUEUE_JOURNAL_H
#define MAIL_QUEUE_JOURNAL_H

#include "base/err.h"
#include "base/slice.h"

#include <sys/types.h>

#define QUEUE_JOURNAL_DIR "journal"
enum {
    QUEUE_JOURNALS = 16,                  /* processes at a time that can have one */
    QUEUE_JOURNAL_ENTRY_MAX = 128 * 1024, /* larger files gain nothing */
    QUEUE_JOURNAL_HALF = 16 * 1024 * 1024,
};

/* What the memory that holds the files depends on: while it is the same, what is not there was
 * removed. Empty where that cannot be known (before Linux 6.8). */
struct queue_journal_origin {
    char text[80];
};
/* Of the working directory, the queue. Reads /proc, so before a jail. */
struct queue_journal_origin queue_journal_origin(void);
bool queue_journal_same_origin(const struct queue_journal_origin *a,
                               const struct queue_journal_origin *b);
/* Not before Linux 5.8, where syncfs() does not tell of failed writes, and not on tmpfs. */
bool queue_journal_is_possible(void);

/* ---- writing: one thread at a time, but for settle, which may run beside add and flush */

struct queue_journal;
/* Take a journal that nobody uses; entries that a dead process left are settled first, which may
 * take a while. NULL with ERR: none is free, or the directory is missing. */
struct queue_journal *queue_journal_new(const struct queue_journal_origin *origin, struct err *err);
void queue_journal_free(struct queue_journal *j); /* what is not settled stays for restoring */

bool queue_journal_has_room(const struct queue_journal *j, size_t size); /* for one more file */
/* Gather the file of SIZE bytes that will be known by this name. False with errno: not read. */
bool queue_journal_add(struct queue_journal *j, const char *queue, const char *id, int fd,
                       size_t size);
/* Make what was added durable. False with errno: nothing of it can be relied on, and the journal is
 * not to be used any more. */
bool queue_journal_flush(struct queue_journal *j);
bool queue_journal_is_empty(const struct queue_journal *j); /* nothing since the last turn */
/* Go on in the other half, which must be settled. */
void queue_journal_turn(struct queue_journal *j);
/* Make the files of the half that was left by the last turn durable, and forget its entries. False:
 * its entries stay, and the journal is not to be used any more. */
bool queue_journal_settle(struct queue_journal *j, struct err *err);

/* ---- reading */

struct queue_journal_entry {
    struct slice queue, id, data; /* the names are valid ones */
};
typedef bool (*queue_journal_fn)(void *ctx, const struct queue_journal_entry *entry);

/* Each entry of the bytes of one half that is not forgotten, until FN returns false (then false).
 * Ends at the first that is not whole: it was being written, and nobody was told of it. */
bool queue_journal_scan(struct slice half, uint64_t first_live, queue_journal_fn fn, void *ctx);

/* FN for each entry of an open journal. False with ERR: it cannot be read, or FN returned false
 * (ERR as FN left it). A file that is no journal, or was never begun, has no entries. */
bool queue_journal_read(int fd, queue_journal_fn fn, void *ctx, struct err *err);
/* Where its files were; empty: not known. */
struct queue_journal_origin queue_journal_origin_of(int fd);
/* Forget all entries, for good. */
bool queue_journal_clear(int fd, struct err *err);

#endif
