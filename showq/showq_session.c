/*
 * A listing walks the queues and sends each message as it finds it. Memory holds one message and
 * what the client has not read yet; when that is too much the walk waits.
 */
#include "showq/showq_session.h"

#include "base/xmem.h"
#include "config/common_params.h"
#include "ipc/chan.h"
#include "log/log.h"
#include "mail/queue_id.h"
#include "mail/queue_walk.h"
#include "showq/showq_file.h"

/* Files looked at before other clients get their turn. */
enum { FILES_PER_TURN = 200 };

/* In this order. What is in corrupt/ is not mail any more. */
static const char *const queues[] = {QUEUE_MAILDROP, QUEUE_ACTIVE, QUEUE_INCOMING, QUEUE_DEFERRED,
                                     QUEUE_HOLD};

struct showq_session {
    struct chan *chan;
    struct timer *again;   /* the walk goes on in the next turn */
    struct timer *give_up; /* the client does not read */
    struct queue_walk *walk;
    size_t next_queue;
    struct showq_file *file;
    struct strbuf proper; /* path the message should have */
    void (*on_done)(void);
};

static void session_free(struct showq_session *s)
{
    void (*on_done)(void) = s->on_done;
    chan_free(s->chan);
    timer_free(s->again);
    timer_free(s->give_up);
    queue_walk_free(s->walk);
    showq_file_free(s->file);
    strbuf_done(&s->proper);
    free(s);
    on_done();
}

static void session_emit(void *ctx, uint16_t kind, const struct msg_type *type, const void *object)
{
    struct showq_session *s = ctx;
    chan_send(s->chan, kind, type, object);
}

static void session_show(struct showq_session *s, const char *queue, const char *name)
{
    if (strlen(name) > QUEUE_ID_MAX || !queue_id_is_valid(slice_of(name)))
        return;
    /* A file that stands elsewhere does not exist for the mail system: see postsuper -s. */
    queue_path(&s->proper, queue, name);
    if (strcmp(s->proper.s, queue_walk_path(s->walk)) != 0)
        return;
    struct showq_place place = {queue, name, queue_walk_path(s->walk), queue_walk_dir_fd(s->walk)};
    showq_file_show(s->file, &place, session_emit, s);
}

/* One step of the walk; false at its end. */
static bool session_step(struct showq_session *s)
{
    struct err err = ERR_INIT;
    const char *name;
    if (!s->walk) {
        if (s->next_queue == COUNT_OF(queues))
            return false;
        s->walk = queue_walk_new(queues[s->next_queue++], &err);
        if (!s->walk)
            log_warn(NULL, "%s", err.reason);
        return true;
    }
    switch (queue_walk_next(s->walk, &name, &err)) {
    case QUEUE_WALK_FILE:
        session_show(s, queues[s->next_queue - 1], name);
        break;
    case QUEUE_WALK_FAILED:
        log_warn(NULL, "%s", err.reason);
        break;
    case QUEUE_WALK_LEAVING:
        break;
    case QUEUE_WALK_END:
        queue_walk_free(s->walk);
        s->walk = NULL;
        break;
    }
    return true;
}

static void session_go_on(void *owner)
{
    struct showq_session *s = owner;
    timer_start(s->give_up, common_params.ipc_timeout * 1000);
    for (int files = 0; files < FILES_PER_TURN; files++) {
        if (stream_output_is_full(chan_stream(s->chan)))
            return; /* session_on_room goes on */
        if (!session_step(s)) {
            chan_send(s->chan, SHOWQ_END, NULL, NULL);
            return; /* the client closes when it has read that */
        }
    }
    timer_start(s->again, 0);
}

static void session_on_room(void *owner, struct chan *chan)
{
    (void)chan;
    session_go_on(owner);
}

static void session_on_message(void *owner, struct chan *chan, uint16_t kind, struct slice body)
{
    (void)chan;
    (void)body;
    log_warn(NULL, "unexpected message of kind %u", (unsigned)kind);
    session_free(owner);
}

static void session_on_closed(void *owner, struct chan *chan, const struct err *err)
{
    (void)chan;
    (void)err;
    session_free(owner);
}

static void session_on_silence(void *owner)
{
    session_free(owner);
}

static const struct chan_events session_events = {session_on_message, session_on_closed,
                                                  session_on_room};

void showq_session_start(struct loop *loop, int fd, void (*on_done)(void))
{
    struct showq_session *s = xzalloc(sizeof *s);
    s->on_done = on_done;
    s->file = showq_file_new();
    strbuf_init(&s->proper, 4096);
    s->again = timer_new(loop, session_go_on, s);
    s->give_up = timer_new(loop, session_on_silence, s);
    s->chan = chan_new(loop, fd, &session_events, s);
    timer_start(s->again, 0);
}
