#include "bounce/bounce_session.h"

#include "base/xmem.h"
#include "bounce/bounce_job.h"
#include "bounce/bounce_sync.h"
#include "config/common_params.h"
#include "ipc/chan.h"
#include "log/log.h"
#include "mail/bounce_log.h"
#include "mail/queue_id.h"
#include "service/service.h"

#include <stdlib.h>
#include <utlist.h>

struct bounce_session {
    struct chan *chan; /* NULL: the client went while its question was at work */
    bool is_busy;
    struct strbuf text; /* waiting for the lock of the log */
    char *queue_id;
    int64_t tries_left;
    struct timer *timer;
    struct bounce_session *prev, *next;
};

static struct bounce_session *sessions;

static void session_free(struct bounce_session *s)
{
    DL_DELETE(sessions, s);
    chan_free(s->chan);
    timer_free(s->timer);
    strbuf_done(&s->text);
    free(s->queue_id);
    free(s);
    service_client_done();
}

static void answer(struct bounce_session *s, bool ok, const char *reason)
{
    s->is_busy = false;
    if (s->chan) {
        const struct bounce_status status = {.ok = ok, .reason = reason};
        chan_send(s->chan, BOUNCE_STATUS, &bounce_status_type, &status);
    }
    if (!s->chan || service_is_retiring())
        session_free(s);
}

/* The name of the service is the name of its logs' directory. */
static const char *log_name(void)
{
    return service_instance();
}

/* APPEND */

static void append_failed(struct bounce_session *s, const struct err *err)
{
    log_warn(NULL, "%s: %s", s->queue_id, err->reason);
    answer(s, false, err->reason);
}

/* Dies before this: the asker sees no answer, and the recipient is tried and reported again. */
static void on_synced(void *owner, const struct err *err)
{
    if (err)
        append_failed(owner, err);
    else
        answer(owner, true, "");
}

static void append_again(void *owner)
{
    struct bounce_session *s = owner;
    struct err err = ERR_INIT;
    switch (bounce_log_append(log_name(), s->queue_id, strbuf_slice(&s->text), &err)) {
    case BOUNCE_LOG_OK:
        if (bounce_sync_is_needed(log_name()))
            bounce_sync(log_name(), s->queue_id, on_synced, s);
        else
            answer(s, true, "");
        return;
    case BOUNCE_LOG_BUSY:
        if (--s->tries_left > 0) {
            timer_start(s->timer, common_params.deliver_lock_delay * 1000);
            return;
        }
        err_set(&err, ERR_TEMP, "log of %s is locked by another process", s->queue_id);
        break;
    case BOUNCE_LOG_FAILED:
        break;
    }
    append_failed(s, &err);
}

static bool on_append(struct bounce_session *s, struct slice body, struct err *err)
{
    CLEANUP(arena_free_ptr) struct arena *arena = arena_new("bounce_append");
    struct bounce_append request;
    if (!msg_decode(&bounce_append_type, body, arena, &request, err))
        return false;
    if (!queue_id_is_valid(slice_of(request.queue_id)))
        return err_set(err, ERR_PERM, "bad queue id");
    if (request.recipients_count == 0 || request.recipients_count != request.statuses_count)
        return err_set(err, ERR_PERM, "recipients and statuses do not match");
    strbuf_reset(&s->text);
    for (size_t i = 0; i < request.recipients_count; i++)
        bounce_log_format(&s->text, &request.recipients[i], &request.statuses[i],
                          common_params.backwards_bounce_logfile_compatibility);
    free(s->queue_id);
    s->queue_id = xstrdup(request.queue_id);
    s->tries_left = common_params.deliver_lock_attempts;
    s->is_busy = true;
    append_again(s);
    return true;
}

/* FLUSH, WARN, ONE, DELETE */

static void on_job_done(void *owner, bool ok, const char *reason)
{
    answer(owner, ok, reason);
}

static bool check_message(const struct bounce_flush *request, struct err *err)
{
    if (!queue_id_is_valid(slice_of(request->queue_id)))
        return err_set(err, ERR_PERM, "bad queue id");
    if (!queue_name_is_valid(request->queue_name))
        return err_set(err, ERR_PERM, "bad queue name");
    return true;
}

static bool on_flush(struct bounce_session *s, enum bounce_kind kind, struct slice body,
                     struct err *err)
{
    struct arena *arena = arena_new("bounce_flush");
    struct bounce_flush *request = arena_zalloc(arena, sizeof *request);
    if (!msg_decode(&bounce_flush_type, body, arena, request, err) ||
        !check_message(request, err)) {
        arena_free(arena);
        return false;
    }
    s->is_busy = true;
    bounce_job_start(log_name(), kind, arena, request, NULL, NULL, on_job_done, s);
    return true;
}

static bool on_one(struct bounce_session *s, struct slice body, struct err *err)
{
    struct arena *arena = arena_new("bounce_one");
    struct bounce_one request;
    bool ok = msg_decode(&bounce_one_type, body, arena, &request, err);
    if (ok && (request.messages_count != 1 || request.recipients_count != 1 ||
               request.statuses_count != 1))
        ok = err_set(err, ERR_PERM, "one message, recipient and status expected");
    if (!ok || !check_message(&request.messages[0], err)) {
        arena_free(arena);
        return false;
    }
    s->is_busy = true;
    bounce_job_start(log_name(), BOUNCE_ONE, arena, &request.messages[0], &request.recipients[0],
                     &request.statuses[0], on_job_done, s);
    return true;
}

static bool on_delete(struct bounce_session *s, struct slice body, struct err *err)
{
    CLEANUP(arena_free_ptr) struct arena *arena = arena_new("bounce_delete");
    struct bounce_flush request;
    struct err why = ERR_INIT;
    if (!msg_decode(&bounce_flush_type, body, arena, &request, err))
        return false;
    if (!queue_id_is_valid(slice_of(request.queue_id)))
        return err_set(err, ERR_PERM, "bad queue id");
    s->is_busy = true;
    bool ok = bounce_log_finish(log_name(), request.queue_id, &why);
    if (!ok)
        log_warn(NULL, "%s: %s", request.queue_id, why.reason);
    answer(s, ok, why.reason);
    return true;
}

static bool on_question(struct bounce_session *s, uint16_t kind, struct slice body, struct err *err)
{
    if (s->is_busy)
        return err_set(err, ERR_PERM, "question before the answer to the last one");
    switch (kind) {
    case BOUNCE_APPEND:
        return on_append(s, body, err);
    case BOUNCE_FLUSH:
    case BOUNCE_WARN:
        return on_flush(s, (enum bounce_kind)kind, body, err);
    case BOUNCE_ONE:
        return on_one(s, body, err);
    case BOUNCE_DELETE:
        return on_delete(s, body, err);
    default:
        return err_set(err, ERR_PERM, "unknown kind %u", kind);
    }
}

static void end(struct bounce_session *s)
{
    if (!s->is_busy) {
        session_free(s);
        return;
    }
    chan_free(s->chan);
    s->chan = NULL; /* what is at work goes on: an append or a report half done helps nobody */
}

static void on_message(void *owner, struct chan *chan, uint16_t kind, struct slice body)
{
    (void)chan;
    struct err err = ERR_INIT;
    if (on_question(owner, kind, body, &err))
        return; /* the session may be gone */
    log_warn(NULL, "bad request: %s", err.reason);
    end(owner);
}

static void on_closed(void *owner, struct chan *chan, const struct err *err)
{
    (void)chan;
    if (err->kind != ERR_NONE)
        log_warn(NULL, "client connection: %s", err->reason);
    end(owner);
}

static const struct chan_events session_events = {.on_message = on_message, .on_closed = on_closed};

void bounce_session_start(int fd)
{
    struct bounce_session *s = xzalloc(sizeof *s);
    strbuf_init(&s->text, SIZE_MAX / 4); /* bounded by the largest frame */
    DL_APPEND(sessions, s);
    s->timer = timer_new(service_loop(), append_again, s);
    s->chan = chan_new(service_loop(), fd, &session_events, s);
}

void bounce_session_retire(void)
{
    struct bounce_session *s, *tmp;
    DL_FOREACH_SAFE (sessions, s, tmp)
        if (!s->is_busy)
            session_free(s);
}
