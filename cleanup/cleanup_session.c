#include "cleanup/cleanup_session.h"

#include "base/xmem.h"
#include "cleanup/cleanup_commit.h"
#include "cleanup/cleanup_milter.h"
#include "ipc/chan.h"
#include "service/service.h"

#include <unistd.h>
#include <utlist.h>

struct cleanup_session {
    struct chan *chan; /* NULL: the client went while its message was being committed */
    struct cleanup_message *message; /* being received or committed */
    bool is_committing;
    int fds[CHAN_FDS_MAX]; /* connections of smtpd's mail filters */
    size_t fd_count;
    bool is_filtered_by_smtpd;
    struct cleanup_milters *milters;     /* of the message's arena */
    struct cleanup_filtering *filtering; /* the message is with the filters */
    struct cleanup_session *prev, *next;
};

static struct cleanup_session *sessions;

static void close_fds(struct cleanup_session *s)
{
    for (size_t i = 0; i < s->fd_count; i++)
        close(s->fds[i]);
    s->fd_count = 0;
}

/* The message is over. */
static void message_free(struct cleanup_session *s)
{
    cleanup_filtering_free(s->filtering);
    s->filtering = NULL;
    close_fds(s);
    cleanup_message_free(s->message);
    s->message = NULL;
    s->milters = NULL;
    s->is_filtered_by_smtpd = false;
}

static void session_free(struct cleanup_session *s)
{
    DL_DELETE(sessions, s);
    message_free(s);
    chan_free(s->chan);
    free(s);
    service_client_done();
}

static void answer(struct cleanup_session *s, int64_t status, const char *queue_id,
                   const char *reason, int reason_code)
{
    struct cleanup_done done = {.status = status, .queue_id = queue_id, .reason = ""};
    int code;
    const char *text;
    cleanup_status_text(status, &code, &text);
    done.smtp_code = reason_code ? reason_code : code;
    if (status)
        done.reason = reason ? reason : text;
    chan_send(s->chan, CLEANUP_DONE, &cleanup_done_type, &done);
}

static void answer_message(struct cleanup_session *s, const struct cleanup_message *m)
{
    /* The words of a check do not stand for what went wrong besides. */
    bool is_refusal = m->status == CLEANUP_STAT_CONTENT && m->reason;
    answer(s, m->status, m->log.queue_id, is_refusal ? m->reason : NULL,
           is_refusal ? m->reason_code : 0);
}

static void on_committed(void *owner, struct cleanup_message *m)
{
    struct cleanup_session *s = owner;
    s->is_committing = false;
    if (s->chan)
        answer_message(s, m);
    message_free(s);
    if (!s->chan || service_is_retiring())
        session_free(s);
}

static bool on_open(struct cleanup_session *s, struct slice body)
{
    struct cleanup_open open;
    struct err err = ERR_INIT;
    int64_t status = 0;
    CLEANUP(arena_free_ptr) struct arena *arena = arena_new("cleanup_open");
    if (s->message || !msg_decode(&cleanup_open_type, body, arena, &open, &err)) {
        log_warn(NULL, "client opens a message: %s", s->message ? "one is open" : err.reason);
        return false;
    }
    s->fd_count = chan_take_fds(s->chan, s->fds);
    if (open.milters < 0 || (uint64_t)open.milters != s->fd_count) {
        log_warn(NULL, "client announces %lld mail filters and passes %zu descriptors",
                 (long long)open.milters, s->fd_count);
        return false;
    }
    s->message = cleanup_message_new(open.flags, &status);
    if (!s->message) {
        answer(s, status, "", NULL, 0);
        return true;
    }
    s->is_filtered_by_smtpd = open.milters > 0;
    s->message->has_milters = s->is_filtered_by_smtpd || cleanup_milter_is_local(open.flags);
    struct cleanup_opened opened = {.queue_id = s->message->id};
    chan_send(s->chan, CLEANUP_OPENED, &cleanup_opened_type, &opened);
    return true;
}

static void commit(struct cleanup_session *s)
{
    s->is_committing = true;
    cleanup_commit(s->message, on_committed, s);
}

static void on_filtered(void *owner, struct cleanup_message *m)
{
    (void)m;
    struct cleanup_session *s = owner;
    s->filtering = NULL;
    commit(s);
}

/* All records are here: mail filters have their say, then it becomes mail. */
static bool on_complete(struct cleanup_session *s)
{
    struct cleanup_message *m = s->message;
    if (s->is_filtered_by_smtpd && !s->milters) {
        cleanup_message_warn(m, "client does not say what became of its mail filters");
        return false;
    }
    if (!m->has_milters || !cleanup_message_is_ok(m) || m->status) {
        close_fds(s);
        commit(s);
        return true;
    }
    s->filtering = cleanup_milter_filter(m, s->milters, s->fds, s->fd_count, on_filtered, s);
    s->fd_count = 0; /* they are the filtering's */
    return true;
}

static bool on_records(struct cleanup_session *s, struct slice body)
{
    int type;
    struct slice data;
    size_t size;
    if (!s->message)
        return false;
    bool may_hold_line_end = cleanup_bulk_may_hold_line_end(body);
    for (; body.len > 0; body = slice_from(body, size)) {
        size = cleanup_bulk_take(s->message, body, may_hold_line_end);
        if (size > 0)
            continue;
        if (record_peek(body, &type, &data, &size) != RECORD_READY) {
            cleanup_message_warn(s->message, "client sent a record that is cut off");
            return false;
        }
        cleanup_message_record(s->message, type, data);
    }
    return s->message->phase != CLEANUP_PHASE_END || on_complete(s);
}

/* What smtpd agreed on with its filters. */
static bool on_milters(struct cleanup_session *s, struct slice body)
{
    struct err err = ERR_INIT;
    struct cleanup_milters *milters;
    if (!s->message || !s->is_filtered_by_smtpd || s->milters)
        return false;
    milters = arena_zalloc(s->message->arena, sizeof *milters);
    if (!msg_decode(&cleanup_milters_type, body, s->message->arena, milters, &err)) {
        cleanup_message_warn(s->message, "mail filters: %s", err.reason);
        return false;
    }
    s->milters = milters;
    return true;
}

static bool on_abort(struct cleanup_session *s)
{
    answer(s, CLEANUP_STAT_ABORTED, s->message ? s->message->log.queue_id : "", NULL, 0);
    message_free(s);
    return true;
}

static void end(struct cleanup_session *s)
{
    if (!s->is_committing) {
        session_free(s); /* with what was received so far */
        return;
    }
    chan_free(s->chan);
    s->chan = NULL;
}

static void on_message(void *owner, struct chan *chan, uint16_t kind, struct slice body)
{
    (void)chan;
    struct cleanup_session *s = owner;
    bool ok = false;
    if (s->is_committing || s->filtering)
        log_warn(NULL, "client does not wait for the answer");
    else if (kind == CLEANUP_OPEN)
        ok = on_open(s, body);
    else if (kind == CLEANUP_RECORDS)
        ok = on_records(s, body);
    else if (kind == CLEANUP_MILTERS)
        ok = on_milters(s, body);
    else if (kind == CLEANUP_ABORT)
        ok = on_abort(s);
    else
        log_warn(NULL, "client sent a message of unknown kind %u", kind);
    if (!ok || (service_is_retiring() && !s->message))
        end(s);
}

static void on_closed(void *owner, struct chan *chan, const struct err *err)
{
    (void)chan;
    if (err->kind != ERR_NONE)
        log_warn(NULL, "client connection: %s", err->reason);
    end(owner);
}

static const struct chan_events session_events = {.on_message = on_message, .on_closed = on_closed};

void cleanup_session_start(int fd)
{
    struct cleanup_session *s = xzalloc(sizeof *s);
    DL_APPEND(sessions, s);
    s->chan = chan_new(service_loop(), fd, &session_events, s);
    chan_accept_fds(s->chan);
}

void cleanup_session_retire(void)
{
    struct cleanup_session *s, *tmp;
    DL_FOREACH_SAFE (sessions, s, tmp)
        if (!s->message)
            session_free(s);
}
