/*
 * A listing walks the queues and sends each message in the order it finds them. Memory holds a few
 * batches and what the client has not read yet; when that is too much the walk waits.
 */
#include "showq/showq_session.h"

#include "base/xmem.h"
#include "config/common_params.h"
#include "ipc/chan.h"
#include "log/log.h"
#include "mail/queue_id.h"
#include "mail/queue_walk.h"
#include "mail/showq_msg.h"
#include "showq/showq_batch.h"

/* Files found before other clients get their turn; batches at work or waiting to be sent. */
enum { FILES_PER_TURN = 500, BATCHES = 6 };

/* In this order. What is in corrupt/ is not mail any more. */
static const char *const queues[] = {QUEUE_MAILDROP, QUEUE_ACTIVE, QUEUE_INCOMING, QUEUE_DEFERRED,
                                     QUEUE_HOLD};

struct showq_session {
    struct chan *chan;
    struct timer *again;   /* the walk goes on in the next turn */
    struct timer *give_up; /* the client does not read */
    struct queue_walk *walk;
    size_t next_queue;
    struct showq_batch *batches[BATCHES]; /* a ring, in the order of the listing */
    size_t first, count;                  /* the last of the COUNT is being filled if IS_FILLING */
    bool is_filling, is_walked, is_ended;
    void (*on_done)(void);
};

static void session_free(struct showq_session *s)
{
    void (*on_done)(void) = s->on_done;
    chan_free(s->chan);
    timer_free(s->again);
    timer_free(s->give_up);
    queue_walk_free(s->walk);
    for (size_t i = 0; i < BATCHES; i++)
        showq_batch_forget(s->batches[i]);
    free(s);
    on_done();
}

static struct showq_batch *session_batch(const struct showq_session *s, size_t number)
{
    return s->batches[(s->first + number) % BATCHES];
}

static void session_run_last(struct showq_session *s)
{
    if (s->is_filling)
        showq_batch_run(session_batch(s, s->count - 1));
    s->is_filling = false;
}

/* There is room for another batch. */
static void session_add(struct showq_session *s, const char *queue, const char *name)
{
    const char *path = queue_walk_path(s->walk);
    if (strlen(name) > QUEUE_ID_MAX || !queue_id_is_valid(slice_of(name)))
        return;
    if (s->is_filling && showq_batch_add(session_batch(s, s->count - 1), path))
        return;
    session_run_last(s);
    s->is_filling = true;
    struct showq_batch *b = session_batch(s, s->count++);
    showq_batch_begin(b, queue, path, queue_walk_dir_fd(s->walk));
    showq_batch_add(b, path);
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
        session_add(s, queues[s->next_queue - 1], name);
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

/* What is ready, in the order of the listing. */
static void session_send(struct showq_session *s)
{
    while (s->count > (size_t)s->is_filling && !showq_batch_is_running(session_batch(s, 0)) &&
           !stream_output_is_full(chan_stream(s->chan))) {
        struct showq_batch *b = session_batch(s, 0);
        stream_write(chan_stream(s->chan), showq_batch_frames(b));
        if (showq_batch_is_cut(b)) {
            showq_batch_run(b);
            return;
        }
        s->first = (s->first + 1) % BATCHES;
        s->count--;
    }
}

static void session_go_on(void *owner)
{
    struct showq_session *s = owner;
    timer_start(s->give_up, common_params.ipc_timeout * 1000);
    session_send(s);
    for (int files = 0; files < FILES_PER_TURN && !s->is_walked; files++) {
        if (s->count == BATCHES)
            return; /* session_on_batch goes on */
        s->is_walked = !session_step(s);
    }
    if (!s->is_walked) {
        timer_start(s->again, 0);
        return;
    }
    session_run_last(s);
    if (s->count == 0 && !s->is_ended) {
        s->is_ended = true;
        chan_send(s->chan, SHOWQ_END, NULL, NULL); /* the client closes when it has read that */
    }
}

static void session_on_batch(void *owner, struct showq_batch *b)
{
    (void)b;
    session_go_on(owner);
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
    for (size_t i = 0; i < BATCHES; i++)
        s->batches[i] = showq_batch_new(loop, session_on_batch, s);
    s->again = timer_new(loop, session_go_on, s);
    s->give_up = timer_new(loop, session_on_silence, s);
    s->chan = chan_new(loop, fd, &session_events, s);
    timer_start(s->again, 0);
}
