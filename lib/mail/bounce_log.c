/* Writing the logs of bounce, defer and trace; bounce_log_reader.c reads them. */
#include "mail/bounce_log.h"

#include "base/text.h"
#include "io/fd.h"
#include "mail/queue_id.h"
#include "mail/queue_remove.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void add_text(struct strbuf *out, const char *text)
{
    text_add_printable(out, slice_first(slice_of(text), BOUNCE_LOG_TEXT_MAX));
}

static void add_line(struct strbuf *out, const char *name, const char *value)
{
    if (!value || !*value)
        return;
    strbuf_addf(out, "%s=", name);
    /* room for the name: what is written here is read back whole */
    text_add_printable(out, slice_first(slice_of(value), BOUNCE_LOG_TEXT_MAX - 64));
    strbuf_add_char(out, '\n');
}

void bounce_log_format(struct strbuf *out, const struct recipient *rcpt,
                       const struct delivery_status *status, bool with_old_line)
{
    strbuf_add_char(out, '\n');
    if (with_old_line) {
        strbuf_add_char(out, '<');
        add_text(out, rcpt->address);
        strbuf_add_str(out, ">: ");
        add_text(out, status->reason);
        strbuf_add_char(out, '\n');
    }
    add_line(out, "recipient", *rcpt->address ? rcpt->address : "MAILER-DAEMON");
    if (strcmp(rcpt->orig_address, rcpt->address) != 0)
        add_line(out, "original_recipient", rcpt->orig_address);
    if (rcpt->offset > 0)
        strbuf_addf(out, "offset=%lld\n", (long long)rcpt->offset);
    add_line(out, "dsn_orig_rcpt", rcpt->dsn_orcpt);
    if (rcpt->dsn_notify)
        strbuf_addf(out, "notify_flags=%lld\n", (long long)rcpt->dsn_notify);
    add_line(out, "status", status->dsn);
    add_line(out, "action", status->action);
    if (*status->diag_type && *status->diag_text) {
        add_line(out, "diag_type", status->diag_type);
        add_line(out, "diag_text", status->diag_text);
    }
    if (*status->mta_type && *status->mta_name) {
        add_line(out, "mta_type", status->mta_type);
        add_line(out, "mta_mname", status->mta_name);
    }
    add_line(out, "reason", status->reason);
    strbuf_add_char(out, '\n');
}

static bool open_log(const char *path, int *ret_fd, struct err *err)
{
    const int flags = O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    *ret_fd = open(path, flags, 0600);
    if (*ret_fd < 0 && errno == ENOENT && queue_path_make_dirs(path))
        *ret_fd = open(path, flags, 0600);
    struct stat st;
    if (*ret_fd < 0 || fstat(*ret_fd, &st) < 0)
        return err_set(err, ERR_TEMP, "open file %s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_TEMP, "open file %s: not a regular file", path);
    return true;
}

/* A paragraph that was cut off when its writer died gets an end, and a line that tells readers to
 * pass over it (any line without '='). */
static const char *end_of_torn(int fd, off_t size)
{
    char last[2] = {'\n', 0};
    if (size == 0)
        return "";
    off_t from = MAX(size - 2, 0);
    if (pread(fd, last, 2, from) != size - from)
        return "\n(incomplete)\n\n";
    if (last[size - from - 1] != '\n')
        return "\n(incomplete)\n\n";
    /* an empty line here would end the torn paragraph as if it were whole */
    return last[0] == '\n' && last[1] == '\n' ? "" : "(incomplete)\n\n";
}

static enum bounce_log_result write_locked(int fd, const char *path, off_t size, struct slice text,
                                           struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY;
    strbuf_add_str(&out, end_of_torn(fd, size));
    strbuf_add_slice(&out, text);
    /* One write. Dies before it: the recipient is not marked in the queue file yet, so it is tried
     * and reported again. Dies in it: the same, and readers pass over the torn paragraph. Dies
     * after it: the recipient may be listed twice in the report. */
    ssize_t done = write(fd, out.s, out.len);
    if (done >= 0 && (size_t)done == out.len)
        return BOUNCE_LOG_OK;
    int saved = done < 0 ? errno : ENOSPC;
    if (done > 0 && ftruncate(fd, size) < 0)
        saved = errno; /* torn, then: the next writer ends it */
    err_set(err, ERR_TEMP, "append file %s: %s", path, strerror(saved));
    return BOUNCE_LOG_FAILED;
}

enum bounce_log_result bounce_log_append(const char *log, const char *id, struct slice text,
                                         struct err *err)
{
    enum { TRIES = 10 };
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_INIT(PATH_MAX);
    queue_path(&path, log, id);
    for (int i = 0; i < TRIES; i++) {
        CLEANUP(fd_done) int fd = -1;
        struct stat st;
        if (!open_log(path.s, &fd, err))
            return BOUNCE_LOG_FAILED;
        if (!fd_lock(fd, true, false))
            return BOUNCE_LOG_BUSY;
        if (fstat(fd, &st) == 0 && st.st_nlink > 0)
            return write_locked(fd, path.s, st.st_size, text, err);
        /* removed between open and lock: what we would write there is lost */
    }
    return BOUNCE_LOG_BUSY;
}

static bool remove_log(const char *log, const char *id, bool may_save, struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_INIT(PATH_MAX);
    queue_path(&path, log, id);
    if ((may_save ? queue_remove(path.s, id) : unlink(path.s) == 0) || errno == ENOENT)
        return true;
    return err_set(err, ERR_TEMP, "remove file %s: %s", path.s, strerror(errno));
}

bool bounce_log_finish(const char *log, const char *id, struct err *err)
{
    return remove_log(log, id, true, err);
}

bool bounce_log_remove(const char *log, const char *id, struct err *err)
{
    return remove_log(log, id, false, err);
}
