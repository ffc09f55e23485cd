/*
 * maildrop: how local mail enters: one file a message in maildrop/, written by whoever may write
 * there (postdrop with its group, or a privileged caller of sendmail), taken up by pickup.
 *
 * A file that is not complete has mode 0600 and is never looked at; it becomes 0744 at commit, then
 * is synced, and only then the submitter hears of success. If the process dies before the mode
 * changes, postsuper -p removes the file after a day and the submitter has seen a failure. If it
 * dies later, the message is delivered although the submitter saw a failure: never the other way
 * round.
 */
#ifndef MAIL_MAILDROP_H
#define MAIL_MAILDROP_H

#include "base/err.h"
#include "base/strbuf.h"

struct maildrop;

/* Create the file; the working directory is the queue directory. Writes the T record. */
struct maildrop *maildrop_new(struct err *err);
const char *maildrop_id(const struct maildrop *m);
/* Records as sendmail makes them: checked against what a submitter may say; attributes that only
 * services may set are left out. Data of unknown type is an error of kind ERR_PERM. */
bool maildrop_add(struct maildrop *m, int type, struct slice data, struct err *err);
bool maildrop_has_end(const struct maildrop *m); /* the E record was seen */
/* Make it complete and durable, and wake pickup. */
bool maildrop_commit(struct maildrop *m, struct err *err);
void maildrop_free(struct maildrop *m); /* removes the file unless it was committed */
/* For signal handlers: the path to remove, NULL when there is none. */
const char *maildrop_unfinished_path(void);
/* May this process write there itself? */
bool maildrop_is_writable(void);

/* What a submitter may put where; shared with pickup, which does not trust the file. */
enum maildrop_segment { MAILDROP_ENVELOPE, MAILDROP_CONTENT, MAILDROP_EXTRACTED, MAILDROP_END };
enum maildrop_verdict { MAILDROP_KEEP, MAILDROP_SKIP, MAILDROP_REFUSE };
/* Moves *SEGMENT along at M, X and E. */
enum maildrop_verdict maildrop_check(enum maildrop_segment *segment, int type, struct slice data);

/* One byte to the service at PATH ("public/pickup"): best effort, never blocks. */
void maildrop_wake_pickup(void);

#endif
