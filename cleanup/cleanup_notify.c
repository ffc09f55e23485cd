#include "cleanup/cleanup_notify.h"

#include "base/clock.h"
#include "config/common_params.h"
#include "io/sock.h"
#include "ipc/chan.h"
#include "mail/qmgr_msg.h"

enum { RETRY_MS = 1000 };

static struct loop *notify_loop;
static struct chan *qmgr;
static int64_t not_before_ms;

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
}

static const struct chan_events events = {.on_message = on_message, .on_closed = on_closed};

void cleanup_notify_start(struct loop *loop)
{
    notify_loop = loop;
}

void cleanup_notify_stop(void)
{
    chan_free(qmgr);
    qmgr = NULL;
}

static bool connect_qmgr(void)
{
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_INIT(1024);
    struct err err = ERR_INIT;
    if (qmgr)
        return true;
    if (clock_now_ms() < not_before_ms)
        return false;
    strbuf_addf(&path, "public/%s", common_params.queue_service_name);
    int fd = sock_connect_unix_start(path.s, &err);
    if (fd < 0) {
        not_before_ms = clock_now_ms() + RETRY_MS; /* not at every message */
        return false;
    }
    qmgr = chan_new(notify_loop, fd, &events, NULL);
    return true;
}

void cleanup_notify_arrived(const struct cleanup_message *m)
{
    if (!connect_qmgr())
        return;
    if (stream_output_is_full(chan_stream(qmgr))) /* a slow qmgr finds it by itself */
        return;
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
