/*
 * bounce_log: the per-message logs of bounce, defer and trace, in Postfix's text format: one
 * paragraph a recipient and attempt, name=value lines, an empty line at its end
 * (docs/protocol/bounce.md).
 *
 * Written by the bounce program alone; read by it and by showq. Reading trusts nothing: lines and
 * texts are bounded, memory does not grow with the file, odd paragraphs are passed over.
 */
#ifndef MAIL_BOUNCE_LOG_H
#define MAIL_BOUNCE_LOG_H

#include "mail/bounce_msg.h"

#define BOUNCE_LOG_BOUNCE "bounce"
#define BOUNCE_LOG_DEFER  "defer"
#define BOUNCE_LOG_TRACE  "trace"

enum { BOUNCE_LOG_TEXT_MAX = 16 * 1024 }; /* longest line read or written; the rest is cut off */

/* Append one paragraph to OUT. WITH_OLD_LINE: the "<recipient>: reason" line for readers of before
 * Postfix 2.0 (backwards_bounce_logfile_compatibility). */
void bounce_log_format(struct strbuf *out, const struct recipient *rcpt,
                       const struct delivery_status *status, bool with_old_line);

enum bounce_log_result {
    BOUNCE_LOG_OK,
    BOUNCE_LOG_BUSY /* somebody holds the lock: again later */,
    BOUNCE_LOG_FAILED /* ERR says why */
};
/* Append TEXT (whole paragraphs) to the log LOG/ID, which is created 0600. */
enum bounce_log_result bounce_log_append(const char *log, const char *id, struct slice text,
                                         struct err *err);
/* The log has served: it goes, or dont_remove keeps it. True also when there was none. */
bool bounce_log_finish(const char *log, const char *id, struct err *err);
/* It goes, whatever dont_remove says. */
bool bounce_log_remove(const char *log, const char *id, struct err *err);

/* Texts are never NULL, and valid until the next call. */
struct bounce_log_entry {
    struct recipient rcpt;
    struct delivery_status status;
};

struct bounce_log;
/* NULL: no such log (*RET_MISSING), or it cannot be read (ERR). RET_MISSING may be NULL. */
struct bounce_log *bounce_log_open(const char *log, const char *id, bool *ret_missing,
                                   struct err *err);
struct bounce_log *bounce_log_open_fd(int fd); /* takes FD; -1: an empty one */
/* Go on with another file, for those who read many: closes the last one, takes FD. */
void bounce_log_restart(struct bounce_log *log, int fd);
bool bounce_log_next(struct bounce_log *log, struct bounce_log_entry *ret);
void bounce_log_rewind(struct bounce_log *log);
size_t bounce_log_skipped(const struct bounce_log *log); /* paragraphs passed over so far */
void bounce_log_close(struct bounce_log *log);           /* NULL is fine */

#endif
