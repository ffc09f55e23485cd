#include "cleanup/cleanup_notify.h"

#include "config/common_params.h"
#include "io/sock.h"
#include "ipc/chan.h"
#include "mail/qmgr_msg.h"

enum { RETRY_MS = 1000 };

static struct loop *notify_loop;
static struct chan *qmgr;
static struct timer *retry;
static bool has_missed; /* qmgr was not told of some message, and is to look by itself */

static void on_message(void *owner, struct chan *chan, uint16_t kind, struct slice body)
{
    (void)owner;
    (void)chan;
    (void)kind;
    (void)body; /* qmgr does not answer */
}

static void on_closed(void *owner, struct chan *chan, const struct err *err)
{
    (void)owner;
    (void)err;
    chan_free(chan);
    qmgr = NULL;
    if (has_missed)
        timer_start(retry, RETRY_MS);
}

static void say_missed(void)
{
    if (has_missed)
        chan_send_raw(qmgr, QMGR_MISSED, SLICE_EMPTY);
    has_missed = false;
}

static void on_room(void *owner, struct chan *chan)
{
    (void)owner;
    (void)chan;
    say_missed();
}

static const struct chan_events events = {on_message, on_closed, on_room};

static bool connect_qmgr(void);

static void on_retry(void *owner)
{
    (void)owner;
    if (connect_qmgr())
        say_missed();
}

void cleanup_notify_start(struct loop *loop)
{
    notify_loop = loop;
    retry = timer_new(loop, on_retry, NULL);
}

void cleanup_notify_stop(void)
{
    timer_free(retry);
    retry = NULL;
    chan_free(qmgr);
    qmgr = NULL;
}

static bool connect_qmgr(void)
{
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_INIT(1024);
    struct err err = ERR_INIT;
    if (qmgr)
        return true;
    if (timer_is_running(retry)) /* not at every message */
        return false;
    strbuf_addf(&path, "public/%s", common_params.queue_service_name);
    int fd = sock_connect_unix_start(path.s, &err);
    if (fd < 0) {
        timer_start(retry, RETRY_MS);
        return false;
    }
    qmgr = chan_new(notify_loop, fd, &events, NULL);
    return true;
}

void cleanup_notify_arrived(const struct cleanup_message *m)
{
    if (!connect_qmgr() || stream_output_is_full(chan_stream(qmgr))) {
        has_missed = true; /* it is told when it hears again */
        return;
    }
    struct envelope env = m->env;
    /* What the file says after the content wins. */
    if (m->filter)
        env.content_filter = m->filter;
    env.redirect = m->redirect ? m->redirect : "";
    struct qmgr_arrived arrived = {.queue_id = m->id};
    if (m->recipients_kept <= QMGR_ARRIVED_RECIPIENTS) {
        arrived.has_envelope = 1;
        arrived.envelopes = &env;
        arrived.envelopes_count = 1;
    }
    chan_send(qmgr, QMGR_ARRIVED, &qmgr_arrived_type, &arrived);
}
