/*
 * queue_journal_restore: queue files as a journal knows them, put back where the disk does not have
 * them.
 */
#ifndef MAIL_QUEUE_JOURNAL_RESTORE_H
#define MAIL_QUEUE_JOURNAL_RESTORE_H

#include "mail/queue_journal.h"

struct queue_restore {
    bool missing_is_gone; /* what is not there was delivered or removed */
    bool is_live; /* others use these files: only make them durable; one that is not whole fails */
    unsigned long restored, checked; /* counted here */
    struct err err;                  /* when it fails */
};

/* For queue_journal_read(), CTX being a struct queue_restore. A file that is there and whole, in
 * whatever queue, is made durable (its bytes are written once more, since the memory that has them
 * may be the leftover of a write that failed); one that is not is written anew, and so is one that
 * is missing. Deliveries that a whole file has marked done stay done. Dying in here changes
 * nothing: the journal still has the entry, and a file that is half written is not whole. */
bool queue_restore_entry(void *ctx, const struct queue_journal_entry *entry);

#endif
