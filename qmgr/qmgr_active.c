/*
 * The life of a message in the active queue: in from incoming or deferred, out to deferred or
 * removed.
 *
 * The queue file's place is the truth; memory is a copy of it that may be lost at any instant. What
 * happens when the process dies is said at each change of a file.
 */
#include "base/clock.h"
#include "config/common_params.h"
#include "io/fd.h"
#include "mail/bounce_log.h"
#include "mail/queue_file.h"
#include "mail/queue_id.h"
#include "qmgr/qmgr.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

enum { MODE_UNTHROTTLE = 0040, MODE_EXPIRE = 0010 };

static bool is_stopped;

void qmgr_active_stop(void)
{
    is_stopped = true;
}

static int64_t now_s(void)
{
    struct timeval now;
    clock_wall(&now);
    return now.tv_sec;
}

bool qmgr_active_has_room(void)
{
    return qmgr_message_count() < (size_t)qmgr_params.qmgr_message_active_limit;
}

static void warn_move(const char *id, const char *what)
{
    struct log_tag tag;
    int saved = errno;
    qmgr_message_tag(id, &tag);
    log_warn(&tag, "%s: %s", what, strerror(saved));
}

/* The file stays in active although nobody works on it. */
static void stranded(const char *id, const char *what)
{
    warn_move(id, what);
    qmgr_scan_retry_stray();
}

/* Out of the active queue, to be tried at WHEN_S. */
static void move_to_deferred(const char *id, int64_t when_s)
{
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_INIT(4096);
    queue_path(&path, QUEUE_ACTIVE, id);
    const struct timeval times[2] = {{.tv_sec = now_s()}, {.tv_sec = when_s}};
    /* Dies after utimes, before the rename: the restart moves the file to incoming, where it waits
     * for the same time. Dies after the rename: the scan at start finds it. */
    if (utimes(path.s, times) < 0 && errno != ENOENT)
        warn_move(id, "set time of next attempt");
    if (queue_move(id, QUEUE_ACTIVE, QUEUE_DEFERRED))
        qmgr_scan_deferred_add(id, when_s);
    else if (errno != ENOENT) /* postsuper removed it */
        stranded(id, "move to deferred");
}

void qmgr_active_corrupt(const char *queue, const char *id)
{
    log_warn(NULL, "saving corrupt file \"%s\" from queue \"%s\" to queue \"%s\"", id, queue,
             QUEUE_CORRUPT);
    /* Dies before the rename: found and moved once more. */
    if (!queue_move(id, queue, QUEUE_CORRUPT) && errno != ENOENT)
        stranded(id, "move to corrupt");
}

/* In */

/* Start the deliveries. The envelope's recipients are the first portion. */
static void begin(struct qmgr_message *m)
{
    CLEANUP(strbuf_done) struct strbuf what = STRBUF_INIT(200);
    strbuf_addf(&what, "size=%lld, nrcpt=%lld (queue active)", (long long)m->env->message_size,
                (long long)m->env->recipient_count);
    qmgr_message_log(m, what.s);
    struct recipient *recipients = m->env->recipients;
    size_t count = m->env->recipients_count;
    m->env->recipients = NULL;
    m->env->recipients_count = 0;
    m->last_refill_ms = clock_now_ms();
    qmgr_active_hold(m);
    qmgr_message_assign(m, NULL, recipients, count);
    qmgr_active_release(m);
}

enum qmgr_feed qmgr_active_feed_fresh(const char *id, struct arena *arena, struct envelope *env)
{
    bool has_room = qmgr_active_has_room();
    /* Dies before the rename: the file is in incoming and the successor's scan finds it. Dies after
     * it: the successor moves it back to incoming. No delivery has begun in either case. */
    if (!has_room || qmgr_message_find(id) || !queue_move(id, QUEUE_INCOMING, QUEUE_ACTIVE)) {
        arena_free(arena);
        return has_room ? FEED_GONE : FEED_FULL;
    }
    struct qmgr_message *m = qmgr_message_new(id, arena, env);
    m->is_fresh = 1;
    begin(m);
    return FEED_DONE;
}

/* A delivery program that a former qmgr started may still be at work on the message: it holds a
 * lock. It will mark its recipients, so nothing is delivered twice if we wait. */
static bool put_back_locked(const char *id)
{
    struct log_tag tag;
    qmgr_message_tag(id, &tag);
    log_info(&tag, "skipped, still being delivered");
    if (!queue_move(id, QUEUE_ACTIVE, QUEUE_INCOMING))
        stranded(id, "move back to incoming");
    qmgr_scan_retry_locked();
    return false;
}

static void read_mode_bits(struct qmgr_message *m, int fd)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return;
    m->is_force_expired = (st.st_mode & MODE_EXPIRE) != 0;
    if (!(st.st_mode & MODE_UNTHROTTLE))
        return;
    m->wakes_dead = 1;
    m->is_flushed = 1;
    /* Dies before: dead destinations are tried once more than asked for. */
    if (fchmod(fd, st.st_mode & 07777 & ~(mode_t)MODE_UNTHROTTLE) < 0)
        warn_move(m->id, "clear flush request");
}

static void on_defer_log_removed(struct qmgr_message *m, int error)
{
    errno = error;
    if (error && error != ENOENT)
        warn_move(m->id, "remove defer log");
    if (!is_stopped)
        begin(m);
}

/* The file stands in active. False: it does not stay there. */
static bool load(const char *id, bool is_flushed)
{
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_INIT(4096);
    queue_path(&path, QUEUE_ACTIVE, id);
    CLEANUP(fd_done) int fd = open(path.s, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        warn_move(id, "open queue file");
        move_to_deferred(id, now_s() + common_params.minimal_backoff_time);
        return false;
    }
    if (!fd_lock(fd, true, false))
        return put_back_locked(id);
    struct arena *arena = arena_new("qmgr_message");
    struct envelope *env = arena_zalloc(arena, sizeof *env);
    struct envelope_read how = {.recipient_limit = qmgr_message_first_limit()};
    struct err err = ERR_INIT;
    if (!queue_file_read_envelope(fd, arena, &how, env, &err)) {
        log_warn(NULL, "%s: %s", path.s, err.reason);
        if (err.kind == ERR_PERM)
            qmgr_active_corrupt(QUEUE_ACTIVE, id);
        else
            move_to_deferred(id, now_s() + common_params.minimal_backoff_time);
        arena_free(arena);
        return false;
    }
    struct qmgr_message *m = qmgr_message_new(id, arena, env);
    m->is_flushed = is_flushed;
    /* Earlier attempts may have left logs: bounces not sent yet, when the process died between the
     * delivery and the report. The old reasons for deferring are replaced by those of this attempt,
     * so they must be gone before it begins. */
    m->has_bounce_log = qmgr_bounce_log_exists(id, BOUNCE_SERVICE);
    m->has_trace_log = qmgr_bounce_log_exists(id, TRACE_SERVICE);
    m->next_offset = how.next_offset;
    read_mode_bits(m, fd);
    if (qmgr_bounce_log_exists(id, DEFER_SERVICE))
        qmgr_remove(m, BOUNCE_LOG_DEFER, on_defer_log_removed);
    else
        begin(m);
    return true;
}

enum qmgr_feed qmgr_active_feed_file(const char *queue, const char *id, bool is_flushed)
{
    if (!qmgr_active_has_room())
        return FEED_FULL;
    /* Dies after the rename: the successor moves the file to incoming and begins again. */
    if (qmgr_message_find(id) || !queue_move(id, queue, QUEUE_ACTIVE))
        return FEED_GONE;
    return load(id, is_flushed) ? FEED_DONE : FEED_GONE;
}

/* Out */

static void message_end(struct qmgr_message *m)
{
    bool was_full = !qmgr_active_has_room();
    qmgr_message_free(m);
    if (was_full)
        qmgr_scan_wake();
}

static void on_removed(struct qmgr_message *m, int error)
{
    struct log_tag tag;
    qmgr_message_tag(m->id, &tag);
    errno = error;
    if (error == 0)
        log_info(&tag, "removed");
    else if (error != ENOENT)
        stranded(m->id, "remove queue file");
    message_end(m);
}

static void remove_message(struct qmgr_message *m)
{
    /* Dies before: every recipient is marked, the successor finds nothing to do and removes the
     * file. */
    qmgr_remove(m, QUEUE_ACTIVE, on_removed);
}

static int64_t message_age_s(const struct qmgr_message *m)
{
    int64_t since = m->env->create_s ? m->env->create_s : m->env->arrival_s;
    return MAX(now_s() - since, (int64_t)0);
}

/* The pause doubles with each attempt, because the age does. */
static void defer_message(struct qmgr_message *m)
{
    int64_t pause = message_age_s(m);
    pause = MAX(pause, common_params.minimal_backoff_time);
    pause = MIN(pause, qmgr_params.maximal_backoff_time);
    move_to_deferred(m->id, now_s() + pause);
    message_end(m);
}

static void on_returned(struct qmgr_message *m, bool ok)
{
    /* The report is in the queue (a message of its own) before the original goes. Dies in between:
     * the sender gets the report twice. */
    if (ok)
        remove_message(m);
    else
        defer_message(m);
}

static void on_warned(struct qmgr_message *m, bool ok)
{
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_INIT(4096);
    struct err err = ERR_INIT;
    queue_path(&path, QUEUE_ACTIVE, m->id);
    CLEANUP(fd_done) int fd = ok ? open(path.s, O_RDWR | O_CLOEXEC | O_NOFOLLOW) : -1;
    /* Dies before: the sender is warned once more. */
    if (fd >= 0 && !queue_file_clear_warning(fd, (off_t)m->env->warn_offset, &err))
        log_warn(NULL, "%s: %s", path.s, err.reason);
    defer_message(m);
}

/* Some recipients are left: give up, warn the sender, or just wait. */
static void finish_left(struct qmgr_message *m)
{
    int64_t lifetime = m->env->sender[0] ? common_params.maximal_queue_lifetime
                                         : qmgr_params.bounce_queue_lifetime;
    bool is_expired = message_age_s(m) >= lifetime;
    if (is_expired || m->is_force_expired) {
        qmgr_message_log(m, is_expired ? "status=expired, returned to sender"
                                       : "status=force-expired, returned to sender");
        qmgr_bounce_ask(m, DEFER_SERVICE, BOUNCE_FLUSH, on_returned);
    } else if (m->env->warn_at_s > 0 && now_s() >= m->env->warn_at_s) {
        qmgr_bounce_ask(m, DEFER_SERVICE, BOUNCE_WARN, on_warned);
    } else {
        defer_message(m);
    }
}

static void finish(struct qmgr_message *m);

/* A report that could not be sent keeps the message: its log is asked for again at the next
 * attempt. */
static void on_bounce_flushed(struct qmgr_message *m, bool ok)
{
    m->has_bounce_log = 0;
    if (!ok)
        m->is_left = 1;
    finish(m);
}

static void on_trace_flushed(struct qmgr_message *m, bool ok)
{
    m->has_trace_log = 0;
    if (!ok)
        m->is_left = 1;
    finish(m);
}

/* Nothing is under way for the message and nothing unread: one step after the other until it
 * leaves. */
static void finish(struct qmgr_message *m)
{
    if (m->has_bounce_log)
        qmgr_bounce_ask(m, BOUNCE_SERVICE, BOUNCE_FLUSH, on_bounce_flushed);
    else if (m->has_trace_log)
        qmgr_bounce_ask(m, TRACE_SERVICE, BOUNCE_FLUSH, on_trace_flushed);
    else if (m->is_left)
        finish_left(m);
    else
        remove_message(m);
}

void qmgr_active_hold(struct qmgr_message *m)
{
    m->entry_count++;
}

void qmgr_active_release(struct qmgr_message *m)
{
    while (m->entry_count == 1 && m->next_offset) { /* our own hold is the last: read on */
        if (!qmgr_message_refill(m, qmgr_message_first_limit())) {
            m->is_left = 1;
            m->next_offset = 0;
        }
    }
    if (--m->entry_count == 0)
        finish(m);
}
