/* showq_file: what a listing says of one queue file and its logs. */
#ifndef SHOWQ_SHOWQ_FILE_H
#define SHOWQ_SHOWQ_FILE_H

#include "mail/showq_msg.h"

struct showq_file; /* buffers, used for one message after the other */

/* WARNINGS gets lines for the log: nothing here writes to it, so that a thread may do the work. */
struct showq_file *showq_file_new(struct strbuf *warnings);
void showq_file_free(struct showq_file *f); /* NULL is fine */

struct showq_place {
    const char *queue, *id;
    const char *path; /* for log lines */
    int dir_fd;       /* of the directory that holds the file */
};
typedef void (*showq_emit)(void *ctx, uint16_t kind, const struct msg_type *type,
                           const void *object);
/* Emit SHOWQ_MESSAGE, and SHOWQ_MORE as needed. Nothing for a file that is gone, not finished, or
 * no message (that is a warning). */
void showq_file_show(struct showq_file *f, const struct showq_place *place, showq_emit emit,
                     void *ctx);

#endif
