#include "cleanup/cleanup_session.h"

#include "base/xmem.h"
#include "cleanup/cleanup_commit.h"
#include "cleanup/cleanup_params.h"
#include "ipc/chan.h"
#include "service/service.h"

#include <utlist.h>

struct cleanup_session {
    struct chan *chan; /* NULL: the client went while its message was being committed */
    struct cleanup_message *message; /* being received or committed */
    bool is_committing;
    struct cleanup_session *prev, *next;
};

static struct cleanup_session *sessions;

static void session_free(struct cleanup_session *s)
{
    DL_DELETE(sessions, s);
    cleanup_message_free(s->message);
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
    s->message = NULL;
    cleanup_message_free(m);
    if (!s->chan || service_is_retiring())
        session_free(s);
}

/* Milters are not built: mail that main.cf wants filtered must not pass unfiltered. Mail that
 * bounces instead of being refused did not come by SMTP. */
static const char *wanted_milters(int64_t flags)
{
    if (!(flags & CLEANUP_FLAG_MILTER))
        return NULL;
    if ((flags & CLEANUP_FLAG_BOUNCE) && cleanup_params.non_smtpd_milters[0])
        return "non_smtpd_milters";
    if (!(flags & CLEANUP_FLAG_BOUNCE) && cleanup_params.smtpd_milters[0])
        return "smtpd_milters";
    return NULL;
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
    const char *milters = wanted_milters(open.flags);
    if (milters) {
        log_error(NULL,
                  "%s is set, but the Milter protocol is not built into this release: mail is "
                  "refused until it is empty",
                  milters);
        answer(s, CLEANUP_STAT_DEFER, "", "4.3.0 Mail filter configuration error", 451);
        return true;
    }
    s->message = cleanup_message_new(open.flags, &status);
    if (!s->message) {
        answer(s, status, "", NULL, 0);
        return true;
    }
    struct cleanup_opened opened = {.queue_id = s->message->id};
    chan_send(s->chan, CLEANUP_OPENED, &cleanup_opened_type, &opened);
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
    if (s->message->phase == CLEANUP_PHASE_END) {
        s->is_committing = true;
        cleanup_commit(s->message, on_committed, s);
    }
    return true;
}

static bool on_abort(struct cleanup_session *s)
{
    answer(s, CLEANUP_STAT_ABORTED, s->message ? s->message->log.queue_id : "", NULL, 0);
    cleanup_message_free(s->message);
    s->message = NULL;
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
    if (s->is_committing)
        log_warn(NULL, "client does not wait for the answer");
    else if (kind == CLEANUP_OPEN)
        ok = on_open(s, body);
    else if (kind == CLEANUP_RECORDS)
        ok = on_records(s, body);
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
}

void cleanup_session_retire(void)
{
    struct cleanup_session *s, *tmp;
    DL_FOREACH_SAFE (sessions, s, tmp)
        if (!s->message)
            session_free(s);
}
