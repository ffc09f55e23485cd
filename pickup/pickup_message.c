#include "pickup/pickup_message.h"

#include "base/clock.h"
#include "base/xmem.h"
#include "config/common_params.h"
#include "io/fd.h"
#include "log/log.h"
#include "mail/address.h"
#include "mail/maildrop.h"
#include "mail/queue_file.h"
#include "mail/queue_id.h"
#include "mail/queue_remove.h"
#include "pickup/pickup_requeued.h"
#include "pickup/pickup_scan.h"
#include "service/service.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RECORDS_PER_TURN = 4096 };

struct pickup_message {
    char name[QUEUE_ID_MAX + 1];
    struct log_tag log;
    int fd;
    uid_t uid;
    bool is_requeued; /* a whole queue file that postsuper put here */
    enum maildrop_segment segment;
    struct queue_reader *reader;
    struct cleanup_stream *stream;
    bool said_sender, at_end;
    struct later feed;
};

static void pickup_message_free(struct pickup_message *m)
{
    char name[QUEUE_ID_MAX + 1];
    memcpy(name, m->name, sizeof name);
    loop_later_cancel(service_loop(), &m->feed);
    cleanup_stream_free(m->stream);
    queue_reader_free(m->reader);
    fd_done(&m->fd);
    free(m);
    pickup_scan_settled(name);
}

/* Nobody can repair such a file by waiting; it must not stand in the way of others. */
static void pickup_message_corrupt(struct pickup_message *m, const char *why)
{
    log_error(NULL, "uid=%d: maildrop/%s: %s; moved to corrupt/", (int)m->uid, m->name, why);
    if (!queue_move(m->name, QUEUE_MAILDROP, QUEUE_CORRUPT))
        log_warn(NULL, "rename maildrop/%s to corrupt: %s", m->name, strerror(errno));
    pickup_message_free(m);
}

static void add_received(struct pickup_message *m)
{
    CLEANUP(strbuf_done) struct strbuf date = STRBUF_ANY;
    clock_format_mail_date(time(NULL), &date);
    cleanup_stream_addf(m->stream, REC_LINE, "Received: by %s (%s, from userid %d)",
                        common_params.myhostname, common_params.mail_name, (int)m->uid);
    cleanup_stream_addf(m->stream, REC_LINE, "\tid %s; %s", m->log.queue_id, date.s);
}

static void say_sender(struct pickup_message *m, struct slice sender)
{
    CLEANUP(strbuf_done) struct strbuf shown = STRBUF_ANY;
    if (slice_starts(sender, "@")) /* a source route, whose marks need no quotes */
        strbuf_add_slice(&shown, sender);
    else
        address_to_external(sender, &shown);
    if (m->is_requeued)
        log_info(&m->log, "uid=%d from=<%s> orig_id=%s", (int)m->uid, shown.s, m->name);
    else
        log_info(&m->log, "uid=%d from=<%s>", (int)m->uid, shown.s);
    m->said_sender = true;
}

/* One record into cleanup. False: the file is not what it should be. */
static bool pickup_message_record(struct pickup_message *m, int type, struct slice data)
{
    enum maildrop_verdict verdict = MAILDROP_KEEP;
    if (type == REC_TIME && m->segment == MAILDROP_ENVELOPE)
        verdict = MAILDROP_KEEP;
    else if (m->is_requeued)
        verdict = pickup_requeued_check(&m->segment, type, data);
    else
        verdict = maildrop_check(&m->segment, type, data);
    if (verdict != MAILDROP_KEEP)
        return verdict == MAILDROP_SKIP;
    if (type == REC_SENDER && !m->said_sender)
        say_sender(m, data);
    m->at_end = type == REC_END;
    if (m->at_end) { /* cleanup_stream_finish() writes it */
        cleanup_stream_finish(m->stream);
        return true;
    }
    cleanup_stream_add(m->stream, type, data);
    if (type == REC_MESSAGE)
        add_received(m);
    return true;
}

static void pickup_message_feed(void *owner)
{
    struct pickup_message *m = owner;
    struct err err = ERR_INIT;
    for (int i = 0; i < RECORDS_PER_TURN && !m->at_end; i++) {
        int type;
        struct slice data;
        if (cleanup_stream_is_full(m->stream))
            return; /* on_room goes on */
        if (queue_reader_next(m->reader, &type, &data, NULL, &err) != QUEUE_READ_OK) {
            pickup_message_corrupt(m, err.reason[0] ? err.reason : "file ends too early");
            return;
        }
        if (!pickup_message_record(m, type, data)) {
            pickup_message_corrupt(m, "unexpected record");
            return;
        }
    }
    if (!m->at_end)
        loop_later(service_loop(), &m->feed); /* others have their turn */
}

static void pickup_message_on_opened(void *owner, const char *queue_id)
{
    struct pickup_message *m = owner;
    snprintf(m->log.queue_id, sizeof m->log.queue_id, "%s", queue_id);
    if (common_params.content_filter[0]) /* also of requeued files, instead of what they had */
        cleanup_stream_add(m->stream, REC_FILTER, slice_of(common_params.content_filter));
    loop_later(service_loop(), &m->feed);
}

/* If this process dies before the unlink, the message is in the queue and in maildrop/: it is
 * delivered twice, never lost. */
static void pickup_message_on_done(void *owner, const struct cleanup_done *done,
                                   const struct err *err)
{
    struct pickup_message *m = owner;
    if (done && done->status == 0) {
        CLEANUP(strbuf_done) struct strbuf path = STRBUF_ANY;
        strbuf_addf(&path, "%s/%s", QUEUE_MAILDROP, m->name);
        if (!queue_remove(path.s, m->name) && errno != ENOENT)
            log_warn(&m->log, "remove %s: %s", path.s, strerror(errno));
    } else {
        int code;
        const char *text = err->reason;
        if (done)
            cleanup_status_text(done->status, &code, &text);
        log_warn(NULL, "maildrop/%s: %s; the message stays there and is tried again later", m->name,
                 text);
    }
    pickup_message_free(m);
}

static void pickup_message_on_room(void *owner)
{
    struct pickup_message *m = owner;
    loop_later(service_loop(), &m->feed);
}

static const struct cleanup_events pickup_cleanup_events = {
    .on_opened = pickup_message_on_opened,
    .on_done = pickup_message_on_done,
    .on_room = pickup_message_on_room,
};

/* Ready means: a regular file with one name, marked complete, whose time has come. */
static bool pickup_message_is_ready(int fd, struct stat *st, const char *name)
{
    if (fstat(fd, st) < 0)
        return false;
    if (!S_ISREG(st->st_mode) || st->st_nlink != 1) {
        log_warn(NULL, "maildrop/%s: not a regular file with one name; ignored", name);
        return false;
    }
    return (st->st_mode & S_IXUSR) && st->st_mtime <= time(NULL) + 1;
}

static bool pickup_owner_is_postfix(const struct stat *st)
{
    /* postsuper leaves re-queued files to the mail owner, with no rights for others */
    return st->st_uid == geteuid() && (st->st_mode & 0777) == 0700;
}

bool pickup_message_start(struct cleanup_client *cleanup, const char *name)
{
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_ANY;
    struct stat st;
    strbuf_addf(&path, "%s/%s", QUEUE_MAILDROP, name);
    /* sendmail lets us read a file when it is complete */
    if (lstat(path.s, &st) == 0 && S_ISREG(st.st_mode) && !(st.st_mode & S_IXUSR))
        return false;
    CLEANUP(fd_done) int fd = open(path.s, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        if (errno != ENOENT)
            log_warn(NULL, "open %s: %s", path.s, strerror(errno));
        return false;
    }
    if (!pickup_message_is_ready(fd, &st, name))
        return false;
    struct pickup_message *m = xzalloc(sizeof *m);
    memcpy(m->name, name, strlen(name) + 1);
    m->fd = fd_take(&fd);
    m->uid = st.st_uid;
    m->is_requeued = pickup_owner_is_postfix(&st);
    m->feed = (struct later){.fn = pickup_message_feed, .owner = m};
    m->reader = queue_reader_new(m->fd);
    m->stream = cleanup_stream_open(
        cleanup, CLEANUP_FLAGS_EXTERNAL | CLEANUP_FLAG_BOUNCE | CLEANUP_FLAG_AUTO_UTF8,
        &pickup_cleanup_events, m);
    return true;
}
