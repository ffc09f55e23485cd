/*
 * log: the lines that operators and log readers see.
 *
 *     Nov 21 21:07:13 host postfix/smtpd[123]: QUEUEID: text
 *
 * The tag is syslog_name/PROGRAM. Work on a message or a session logs through its struct log_tag,
 * which adds the "QUEUEID: " part and the number in brackets. The library cleans unprintable bytes.
 * Event-driven programs collect the lines of one turn of the loop (log_batch()) and send them
 * together; fatal lines leave at once. Programs log; library code below them returns errors.
 */
#ifndef LOG_LOG_H
#define LOG_LOG_H

#include "base/base.h"

#include <stdarg.h>
#include <sys/types.h>
#include <sys/types.h>

enum log_level {
    LOG_LEVEL_INFO,
    LOG_LEVEL_WARN,
    LOG_LEVEL_ERROR,
    LOG_LEVEL_FATAL,
    LOG_LEVEL_PANIC
};

struct log_tag {
    char queue_id[64]; /* "" : none; "NOQUEUE" where Postfix prints that */
    uint32_t session;  /* 0: the process itself; n: the n-th concurrent session of it, see
                          log_session_number() */
};

/* Where lines go. More than one may be on; none: standard error only. With both postlog_path and
 * file_path, the file is written only while nobody serves the socket. */
struct log_options {
    const char *tag;          /* "postfix/smtpd"; copied */
    const char *postlog_path; /* datagram socket of postlogd, or NULL */
    const char *syslog_path;  /* "/dev/log", or NULL */
    const char *file_path;    /* append to this file directly ("/dev/stdout" too), or NULL */
    int facility;             /* LOG_MAIL etc. */
    mode_t file_mode;         /* of a file we create; 0: 0600 */
    bool to_stderr;
    bool ascii_only;      /* UTF-8 is not known: every 8-bit byte becomes '?' */
    bool stderr_full_tag; /* the whole tag in front of those lines, not just the program */
    const char *hostname; /* for lines we format ourselves (file, postlog); first label is used */
};

void log_init(const struct log_options *options);
void log_set_tag(const char *tag);
const char *log_get_tag(void);
/* true: keep lines until log_flush(); the event loop calls that at the end of each turn. */
void log_batch(bool on);
void log_flush(void);
void log_reopen(void); /* after fork, or when the log file was moved */
/* Descriptors the logger holds open, for those who close all others: fills FDS, returns how many.
 */
size_t log_fds(int *fds, size_t max);
/* A connection opened before chroot keeps working; call this before entering the jail. */
void log_open_now(void);

void log_info(const struct log_tag *tag, const char *fmt, ...) PRINTF(2, 3); /* TAG may be NULL */
void log_warn(const struct log_tag *tag, const char *fmt, ...) PRINTF(2, 3);
void log_error(const struct log_tag *tag, const char *fmt, ...) PRINTF(2, 3);
void log_line(enum log_level level, const struct log_tag *tag, const char *fmt, va_list ap)
    PRINTF(3, 0);
/* Log and leave: fatal with status 1 (log_fatal_status: the given one), panic by abort(). */
void log_fatal(const char *fmt, ...) PRINTF(1, 2) NORETURN;
void log_fatal_status(int status, const char *fmt, ...) PRINTF(2, 3) NORETURN;
void log_panic(const char *fmt, ...) PRINTF(1, 2) NORETURN;

/* The number in brackets for session SLOT (0: pid itself, 1, 2, ...) of this process. Two sessions
 * open at once never share it: pid + SLOT * 2^22, and no pid reaches 2^22. */
uint64_t log_session_number(uint32_t slot);

/* Tests: called with each finished line instead of writing it. */
extern void (*log_hook)(enum log_level level, const char *line);

#endif
