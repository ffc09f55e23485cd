/*
 * Reading the logs of bounce, defer and trace.
 *
 * A paragraph counts when it names a recipient and an empty line ends it: one that its writer did
 * not finish has no such end, or was given one together with a line without '='.
 */
#include "base/num.h"
#include "base/text.h"
#include "base/xmem.h"
#include "io/fd.h"
#include "mail/bounce_log.h"
#include "mail/queue_id.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

enum field {
    FIELD_RECIPIENT,
    FIELD_ORIGINAL,
    FIELD_OFFSET,
    FIELD_ORCPT,
    FIELD_NOTIFY,
    FIELD_STATUS,
    FIELD_ACTION,
    FIELD_DIAG_TYPE,
    FIELD_DIAG_TEXT,
    FIELD_MTA_TYPE,
    FIELD_MTA_NAME,
    FIELD_REASON,
    FIELD_COUNT
};

static const char *const field_names[FIELD_COUNT] = {
    "recipient", "original_recipient", "offset",    "dsn_orig_rcpt", "notify_flags", "status",
    "action",    "diag_type",          "diag_text", "mta_type",      "mta_mname",    "reason",
};

enum { READ_SIZE = BOUNCE_LOG_TEXT_MAX };

struct bounce_log {
    int fd;
    bool at_end; /* a short read: no more to come, as far as this reader goes */
    size_t at, len, skipped;
    struct strbuf line_part; /* a line that goes beyond the buffer */
    struct slice line;
    struct strbuf fields[FIELD_COUNT];
    char buffer[READ_SIZE];
};

struct bounce_log *bounce_log_open_fd(int fd)
{
    struct bounce_log *log = xmalloc(sizeof *log); /* the buffer need not be zeroed */
    log->fd = -1;
    strbuf_init(&log->line_part, BOUNCE_LOG_TEXT_MAX);
    for (size_t i = 0; i < FIELD_COUNT; i++)
        strbuf_init(&log->fields[i], BOUNCE_LOG_TEXT_MAX);
    bounce_log_restart(log, fd);
    return log;
}

void bounce_log_restart(struct bounce_log *log, int fd)
{
    fd_done(&log->fd);
    log->fd = fd;
    log->at_end = fd < 0;
    log->at = log->len = log->skipped = 0;
    log->line = SLICE_EMPTY;
}

struct bounce_log *bounce_log_open(const char *name, const char *id, bool *ret_missing,
                                   struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_INIT(PATH_MAX);
    CLEANUP(fd_done) int fd = -1;
    queue_path(&path, name, id);
    /* should it be something else than a file: a directory does not read, a FIFO reads as empty */
    fd = open(path.s, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (ret_missing)
        *ret_missing = fd < 0 && errno == ENOENT;
    if (fd < 0) {
        err_set(err, ERR_TEMP, "open file %s: %s", path.s, strerror(errno));
        return NULL;
    }
    return bounce_log_open_fd(fd_take(&fd));
}

void bounce_log_close(struct bounce_log *log)
{
    if (!log)
        return;
    fd_done(&log->fd);
    strbuf_done(&log->line_part);
    for (size_t i = 0; i < FIELD_COUNT; i++)
        strbuf_done(&log->fields[i]);
    free(log);
}

void bounce_log_rewind(struct bounce_log *log)
{
    log->at_end = false;
    log->at = log->len = 0;
    log->skipped = 0;
    if (lseek(log->fd, 0, SEEK_SET) < 0)
        log->at = log->len = 0; /* a regular file: cannot fail; then reading just ends */
}

size_t bounce_log_skipped(const struct bounce_log *log)
{
    return log->skipped;
}

static bool fill(struct bounce_log *log)
{
    ssize_t got;
    if (log->at_end)
        return false;
    do
        got = read(log->fd, log->buffer, sizeof log->buffer);
    while (got < 0 && errno == EINTR);
    log->at = 0;
    log->len = got > 0 ? (size_t)got : 0;
    log->at_end = log->len < sizeof log->buffer;
    return got > 0;
}

/* The next line with its LF taken off; too long a line is cut. False: none, or one without LF. */
static bool next_line(struct bounce_log *log)
{
    strbuf_reset(&log->line_part);
    while (log->at < log->len || fill(log)) {
        struct slice rest = {log->buffer + log->at, log->len - log->at};
        size_t end = slice_find(rest, '\n');
        bool is_whole = end != SIZE_MAX;
        log->line = slice_first(rest, is_whole ? end : rest.len);
        log->at += is_whole ? end + 1 : rest.len;
        if (is_whole && log->line_part.len == 0)
            return true; /* no longer than the buffer, which is BOUNCE_LOG_TEXT_MAX */
        strbuf_add_slice(&log->line_part, log->line);
        log->line = strbuf_slice(&log->line_part);
        if (is_whole)
            return true;
    }
    log->line = strbuf_slice(&log->line_part);
    return false;
}

/* False: a line that belongs to no whole paragraph. */
static bool take_field(struct bounce_log *log)
{
    struct slice name, value;
    if (!slice_split(log->line, '=', &name, &value))
        return false;
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        if (slice_eq(name, field_names[i])) {
            strbuf_reset(&log->fields[i]);
            text_add_printable(&log->fields[i], value);
            break;
        }
    }
    return true; /* names of later releases are passed over */
}

static int64_t number(const struct strbuf *text, int64_t max)
{
    int64_t value;
    return num_parse_i64(strbuf_slice(text), &value) && value >= 0 && value <= max ? value : 0;
}

static void fill_entry(const struct bounce_log *log, struct bounce_log_entry *ret)
{
    const struct strbuf *f = log->fields;
    *ret = (struct bounce_log_entry){
        .rcpt = {.offset = number(&f[FIELD_OFFSET], INT64_MAX),
                 .address = f[FIELD_RECIPIENT].s,
                 .orig_address = f[FIELD_ORIGINAL].s,
                 .dsn_orcpt = f[FIELD_ORCPT].s,
                 .dsn_notify = number(&f[FIELD_NOTIFY], 15)},
        .status = {.dsn = f[FIELD_STATUS].s,
                   .action = f[FIELD_ACTION].s,
                   .reason = f[FIELD_REASON].s,
                   .diag_type = f[FIELD_DIAG_TYPE].s,
                   .diag_text = f[FIELD_DIAG_TEXT].s,
                   .mta_type = f[FIELD_MTA_TYPE].s,
                   .mta_name = f[FIELD_MTA_NAME].s},
    };
}

bool bounce_log_next(struct bounce_log *log, struct bounce_log_entry *ret)
{
    bool is_sound = true, is_empty = true;
    for (size_t i = 0; i < FIELD_COUNT; i++)
        strbuf_reset(&log->fields[i]);
    while (next_line(log)) {
        if (log->line.len > 0) {
            is_empty = false;
            /* The line for old readers; its text may hold anything, so only its start tells. */
            if (log->line.s[0] != '<' && !take_field(log))
                is_sound = false;
            continue;
        }
        if (is_empty)
            continue;
        if (is_sound && log->fields[FIELD_RECIPIENT].len > 0) {
            fill_entry(log, ret);
            return true;
        }
        log->skipped++;
        is_sound = is_empty = true;
        for (size_t i = 0; i < FIELD_COUNT; i++)
            strbuf_reset(&log->fields[i]);
    }
    if (!is_empty || log->line.len > 0)
        log->skipped++;
    return false;
}
