/* showq_log: the logs of one kind (defer, bounce), opened for one message after the other. */
#ifndef SHOWQ_SHOWQ_LOG_H
#define SHOWQ_SHOWQ_LOG_H

#include "mail/bounce_log.h"

struct showq_log {
    const char *name;
    struct strbuf path, dir; /* dir: that of the log opened last, with its slash */
    int dir_fd;              /* -1: none yet */
    struct bounce_log *log;
    struct strbuf *warnings; /* gets lines for the log */
};

void showq_log_init(struct showq_log *l, const char *name, struct strbuf *warnings);
void showq_log_done(struct showq_log *l);
/* The log of message ID, valid until the next call. NULL: there is none; or it cannot be read, and
 * there is a warning. */
struct bounce_log *showq_log_open(struct showq_log *l, const char *id);

/* For reading, without following or waiting, and without a new access time: else a listing would
 * write to each inode of the queue (that of a deferred message has its next attempt as the
 * modification time, so relatime never is content). */
int showq_log_open_at(int dir_fd, const char *name);

#endif
