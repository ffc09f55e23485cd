/* Destinations of messages. */
#include "smtpd/smtpd_sink.h"

#include "base/xmem.h"
#include "config/common_params.h"
#include "mail/cleanup_client.h"
#include "smtpd/smtpd_milter.h"
#include "smtpd/smtpd_postdrop.h"
#include "smtpd/smtpd_proxy.h"
#include "smtpd/smtpd_server.h"
#include "smtpd/smtpd_session.h"
#include "smtpd/smtpd_tx.h"

#include <stdlib.h>

struct smtpd_sink {
    struct smtpd_session *s;
    const struct smtpd_sink_events *events;
    struct cleanup_stream *cleanup; /* one of these three */
    struct smtpd_postdrop *postdrop;
    struct smtpd_proxy *proxy;
    bool is_pending;
    size_t milter_count;
};

static void on_opened(void *owner, const char *queue_id)
{
    struct smtpd_sink *sink = owner;
    sink->is_pending = false;
    sink->events->on_opened(sink->s, queue_id);
}

static void on_done(void *owner, const struct cleanup_done *done, const struct err *err)
{
    struct smtpd_sink *sink = owner;
    sink->is_pending = false;
    if (sink->milter_count > 0)
        stream_tell_reset(sink->s->stream, false);
    smtpd_milter_resume(sink->s, !done);
    if (!done)
        log_warn(NULL, "cannot queue mail: %s", err->reason);
    sink->events->on_done(sink->s, done);
}

static void on_room(void *owner)
{
    struct smtpd_sink *sink = owner;
    struct stream *stream = sink->s->stream;
    if (stream) {
        stream_pause(stream, false);
        stream_poke(stream);
    }
}

static const struct cleanup_events cleanup_events = {on_opened, on_done, on_room};
static const struct smtpd_postdrop_events postdrop_events = {on_opened, on_done, on_room};

static int64_t flags_of(const struct smtpd_session *s)
{
    int64_t flags = cleanup_client_flags(common_params.receive_override_options);
    if (s->tx->smtputf8)
        flags |= CLEANUP_FLAG_SMTPUTF8;
    if (s->tx->requiretls)
        flags |= CLEANUP_FLAG_REQUIRETLS;
    return flags;
}

/* Mail filters that were asked about the envelope are asked about the content by cleanup. */
static struct cleanup_stream *open_cleanup(struct smtpd_session *s, struct smtpd_sink *sink)
{
    int fds[MILTER_MAX];
    sink->milter_count = smtpd_milter_fds(s, fds);
    int64_t flags = flags_of(s);
    if (sink->milter_count == 0)
        flags &= ~(int64_t)CLEANUP_FLAG_MILTER; /* those for other mail are not for this */
    return cleanup_stream_open_milters(s->server->cleanup, flags, fds, sink->milter_count,
                                       &cleanup_events, sink);
}

/* The last word before the end of the message. */
static void hand_over_milters(struct smtpd_sink *sink)
{
    CLEANUP(arena_free_ptr) struct arena *arena = arena_new("smtpd_sink_milters");
    struct cleanup_milters milters;
    smtpd_milter_hand_over(sink->s, arena, &milters);
    cleanup_stream_milters(sink->cleanup, &milters);
}

struct smtpd_sink *smtpd_sink_open(struct smtpd_session *s, const struct smtpd_sink_events *events)
{
    struct smtpd_sink *sink = xzalloc(sizeof *sink);
    sink->s = s;
    sink->events = events;
    sink->is_pending = true;
    if (s->flags & SMTPD_SESSION_STDIN)
        sink->postdrop = smtpd_postdrop_open(s->server->loop, &postdrop_events, sink);
    else if (s->server->cleanup)
        sink->cleanup = open_cleanup(s, sink);
    if (sink->cleanup || sink->postdrop)
        return sink;
    free(sink);
    return NULL;
}

struct smtpd_sink *smtpd_sink_open_proxy(struct smtpd_session *s)
{
    struct smtpd_sink *sink = xzalloc(sizeof *sink);
    sink->s = s;
    sink->proxy = smtpd_proxy_new(s);
    return sink;
}

struct smtpd_proxy *smtpd_sink_proxy(const struct smtpd_sink *sink)
{
    return sink ? sink->proxy : NULL;
}

void smtpd_sink_free(struct smtpd_sink *sink)
{
    if (!sink)
        return;
    smtpd_proxy_free(sink->proxy);
    cleanup_stream_free(sink->cleanup);
    smtpd_postdrop_free(sink->postdrop);
    free(sink);
}

struct strbuf *smtpd_sink_buffer(struct smtpd_sink *sink)
{
    if (sink->proxy)
        return smtpd_proxy_buffer(sink->proxy);
    return sink->cleanup ? cleanup_stream_buffer(sink->cleanup)
                         : smtpd_postdrop_buffer(sink->postdrop);
}

void smtpd_sink_flush(struct smtpd_sink *sink)
{
    if (sink->proxy)
        smtpd_proxy_flush(sink->proxy);
    else if (sink->cleanup)
        cleanup_stream_flush(sink->cleanup);
    else
        smtpd_postdrop_flush(sink->postdrop);
}

bool smtpd_sink_is_full(const struct smtpd_sink *sink)
{
    if (sink->proxy)
        return smtpd_proxy_is_full(sink->proxy);
    return sink->cleanup ? cleanup_stream_is_full(sink->cleanup)
                         : smtpd_postdrop_is_full(sink->postdrop);
}

void smtpd_sink_finish(struct smtpd_sink *sink)
{
    sink->is_pending = true;
    if (sink->cleanup && sink->milter_count > 0) {
        hand_over_milters(sink);
        sink->s->where = "END-OF-MESSAGE";
        stream_tell_reset(sink->s->stream, true); /* filters take their time */
    }
    if (sink->cleanup)
        cleanup_stream_finish(sink->cleanup);
    else
        smtpd_postdrop_finish(sink->postdrop);
}

bool smtpd_sink_is_pending(const struct smtpd_sink *sink)
{
    if (sink && sink->proxy)
        return smtpd_proxy_is_pending(sink->proxy);
    return sink && sink->is_pending;
}

bool smtpd_sink_is_postdrop(const struct smtpd_sink *sink)
{
    return sink && sink->postdrop;
}
