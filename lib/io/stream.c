#include "io/stream.h"

#include "base/xmem.h"
#include "io/fd.h"
#include "io/sock.h"
#include "log/log.h"

#include <errno.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    READ_CHUNK = 64 * 1024,
    BULK_CHUNK = 256 * 1024, /* a read of a stream in bulk */
    BULK_FROM = 16 * 1024,   /* a read that brings this much makes it one */
    KEEP_BUFFER_MAX = 4096,
};

struct stream {
    struct loop *loop;
    struct watch *watch;
    struct timer *timer;
    int fd;
    const struct stream_events *events;
    void *owner;
    struct strbuf in, out;
    size_t in_at;  /* consumed bytes at the front of in */
    size_t out_at; /* written bytes at the front of out */
    size_t in_max;
    size_t expected;       /* bytes of the next read; 0: what there is */
    struct later turn_end; /* flushes output, delivers pokes */
    struct err why_closed;
    bool eof;     /* the peer sends no more; it may still read */
    bool broken;  /* nothing goes either way */
    bool is_bulk; /* much came at the last read: keep the buffers, read into them directly */
    bool paused, muted, tells_reset, poked, told_closed, want_room, closing, dead;
    int busy; /* callbacks in progress: memory is kept until they return */
    const struct stream_transport *transport;
    void *transport_ctx;
};

static void stream_on_event(void *owner, unsigned events);
static void stream_turn_end(void *owner);
static void stream_on_timer(void *owner);

struct stream *stream_new(struct loop *loop, int fd, const struct stream_events *events,
                          void *owner)
{
    struct stream *s = xzalloc(sizeof *s);
    s->loop = loop;
    s->fd = fd;
    s->events = events;
    s->owner = owner;
    s->in_max = STREAM_INPUT_MAX_DEFAULT;
    s->turn_end = (struct later){.fn = stream_turn_end, .owner = s};
    strbuf_init(&s->in, SIZE_MAX / 4);
    strbuf_init(&s->out, SIZE_MAX / 4);
    fd_set_nonblocking(fd, true);
    s->watch = watch_new(loop, fd, WATCH_READ, stream_on_event, s);
    return s;
}

/* The memory goes when no callback of this stream is on the stack. */
static void stream_release(struct stream *s)
{
    if (s->busy > 0)
        return;
    strbuf_done(&s->in);
    strbuf_done(&s->out);
    free(s);
}

static int stream_detach(struct stream *s)
{
    int fd = s->fd;
    watch_free(s->watch);
    timer_free(s->timer);
    loop_later_cancel(s->loop, &s->turn_end);
    if (s->transport && s->transport->free)
        s->transport->free(s->transport_ctx);
    s->watch = NULL;
    s->timer = NULL;
    s->transport = NULL;
    s->fd = -1;
    s->dead = true;
    stream_release(s);
    return fd;
}

void stream_free(struct stream *s)
{
    if (s && !s->dead)
        close(stream_detach(s));
}

int stream_take_fd(struct stream *s)
{
    return stream_detach(s);
}

int stream_fd(const struct stream *s)
{
    return s->fd;
}

/* What to wait for: input unless full, output while some is left. Set once at the end of the turn.
 * A pause as such changes nothing: most end before the peer says more, and then cost no system
 * call; input that does come during one mutes the stream until it is over. */
static void stream_apply_watch(struct stream *s)
{
    unsigned want = 0;
    s->muted = s->muted && s->paused;
    if (!s->muted && !s->eof && s->in.len - s->in_at < s->in_max)
        want |= WATCH_READ;
    if (s->out.len > s->out_at && !s->broken)
        want |= WATCH_WRITE;
    if (s->transport && s->transport->wants_write && s->transport->wants_write(s->transport_ctx))
        want |= WATCH_WRITE;
    watch_set(s->watch, want);
}

static void stream_update_watch(struct stream *s)
{
    if (!s->dead)
        loop_later(s->loop, &s->turn_end);
}

static void stream_mark_closed(struct stream *s, int error)
{
    if (s->broken)
        return;
    s->eof = true;
    if (error) {
        s->broken = true;
        err_set(&s->why_closed, ERR_TEMP, "%s", strerror(error));
    }
    s->poked = true;
    loop_later(s->loop, &s->turn_end);
}

static void stream_compact_input(struct stream *s)
{
    if (s->in_at == 0)
        return;
    if (s->in_at == s->in.len) {
        /* an idle connection keeps no large buffer */
        if (s->in.cap > KEEP_BUFFER_MAX && !s->is_bulk)
            strbuf_done(&s->in);
        strbuf_reset(&s->in);
    } else {
        strbuf_remove_front(&s->in, s->in_at);
    }
    s->in_at = 0;
}

static ssize_t stream_raw_read(struct stream *s, void *data, size_t len)
{
    return s->transport ? s->transport->read(s->transport_ctx, data, len)
                        : recv(s->fd, data, len, 0);
}

static ssize_t stream_raw_write(struct stream *s, const void *data, size_t len)
{
    return s->transport ? s->transport->write(s->transport_ctx, data, len)
                        : send(s->fd, data, len, MSG_NOSIGNAL);
}

/* One read per readiness: a short read means the socket is drained, so no second call to find
 * EAGAIN. */
static bool stream_fill(struct stream *s)
{
    static char
        chunk[READ_CHUNK]; /* shared by all streams of the process: idle ones hold nothing */
    bool got = false;
    stream_compact_input(s);
    while (!s->eof && s->in.len < s->in_max) {
        size_t want = MIN(s->is_bulk ? BULK_CHUNK : sizeof chunk, s->in_max - s->in.len);
        bool has_end = s->is_bulk && s->expected > 0 && s->expected <= want;
        if (has_end)
            want = s->expected;
        char *at = s->is_bulk ? strbuf_room(&s->in, want) : chunk;
        ssize_t n = stream_raw_read(s, at, want);
        if (n > 0) {
            if (s->is_bulk)
                strbuf_grew(&s->in, (size_t)n);
            else
                strbuf_add(&s->in, chunk, (size_t)n);
            s->is_bulk = n >= BULK_FROM || (has_end && (size_t)n == want);
            s->expected = 0;
            got = true;
            bool is_drained = (!s->transport || s->transport->is_socket) && (size_t)n < want;
            if (has_end || is_drained)
                break;
        } else if (n == 0) {
            stream_mark_closed(s, 0);
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            break;
        } else if (errno != EINTR) {
            stream_mark_closed(s, errno);
        }
    }
    return got;
}

static void stream_deliver_input(struct stream *s)
{
    s->busy++;
    if (!s->dead && !s->paused && !s->closing && s->in.len > s->in_at)
        s->events->on_input(s->owner, s);
    bool is_deaf = s->paused && !(s->tells_reset && s->broken); /* on_input may have paused it */
    if (!s->dead && s->eof && !s->told_closed && !is_deaf && !s->closing) {
        s->told_closed = true;
        s->events->on_closed(s->owner, s, &s->why_closed);
    }
    s->busy--;
    if (s->dead)
        stream_release(s);
    else
        stream_update_watch(s);
}

/* An idle connection keeps no large buffer; one that is about to be filled again does. */
static void stream_trim_output(struct stream *s)
{
    if (s->out.len == 0 && s->out.cap > KEEP_BUFFER_MAX && !s->want_room)
        strbuf_done(&s->out);
}

void stream_flush(struct stream *s)
{
    if (s->out.len > s->out_at)
        log_flush(); /* whoever acts on this output logs after us */
    while (!s->broken && s->out.len > s->out_at) {
        ssize_t n = stream_raw_write(s, s->out.s + s->out_at, s->out.len - s->out_at);
        if (n > 0)
            s->out_at += (size_t)n;
        else if (errno == EAGAIN || errno == EWOULDBLOCK)
            break;
        else if (errno != EINTR)
            stream_mark_closed(s, errno);
    }
    if (s->out_at == s->out.len) {
        strbuf_reset(&s->out);
        s->out_at = 0;
        stream_trim_output(s);
    } else if (s->out_at > STREAM_OUTPUT_FULL) {
        strbuf_remove_front(&s->out, s->out_at);
        s->out_at = 0;
    }
}

/* A transport may hold input back that arrived together with what was taken. */
static void stream_take_held_input(struct stream *s)
{
    if (s->paused || s->eof || s->closing || !s->transport || !s->transport->has_input)
        return;
    if (s->in.len - s->in_at < s->in_max && s->transport->has_input(s->transport_ctx) &&
        stream_fill(s))
        s->poked = true;
}

static void stream_turn_end(void *owner)
{
    struct stream *s = owner;
    stream_flush(s);
    stream_take_held_input(s);
    if (s->closing && (s->broken || s->out.len == s->out_at)) {
        stream_free(s);
        return;
    }
    if (s->want_room && s->out.len - s->out_at < STREAM_OUTPUT_FULL / 2) {
        s->want_room = false;
        if (s->events->on_room && !s->closing) {
            s->busy++;
            s->events->on_room(s->owner, s);
            s->busy--;
            if (s->dead) {
                stream_release(s);
                return;
            }
        }
        stream_trim_output(s);
    }
    if (s->poked) {
        s->poked = false;
        stream_deliver_input(s); /* comes back here at once */
    } else {
        stream_apply_watch(s);
    }
}

static void stream_on_event(void *owner, unsigned events)
{
    struct stream *s = owner;
    if (events & WATCH_WRITE)
        loop_later(s->loop, &s->turn_end);
    bool read_waits = (events & WATCH_WRITE) && s->transport && s->transport->wants_write &&
                      s->transport->wants_write(s->transport_ctx);
    if (!(events & WATCH_READ) && !read_waits)
        return;
    if (s->paused) {
        int error = s->tells_reset ? sock_error(s->fd) : 0;
        s->muted = true;
        if (error)
            stream_mark_closed(s, error);
        else
            stream_update_watch(s);
        return;
    }
    bool got = stream_fill(s);
    if (got || s->eof)
        stream_deliver_input(s);
}

struct slice stream_input(const struct stream *s)
{
    return (struct slice){s->in.s + s->in_at, s->in.len - s->in_at};
}

void stream_consume(struct stream *s, size_t len)
{
    s->in_at += MIN(len, s->in.len - s->in_at);
    if (s->in_at == s->in.len)
        stream_compact_input(s);
}

void stream_input_max(struct stream *s, size_t max)
{
    s->in_max = max;
    stream_update_watch(s);
}

void stream_expect(struct stream *s, size_t len)
{
    s->expected = len;
}

void stream_pause(struct stream *s, bool paused)
{
    if (s->paused == paused)
        return;
    s->paused = paused;
    stream_update_watch(s);
    if (!paused)
        stream_poke(s);
}

void stream_tell_reset(struct stream *s, bool is_told)
{
    s->tells_reset = is_told;
}

void stream_poke(struct stream *s)
{
    s->poked = true;
    loop_later(s->loop, &s->turn_end);
}

struct strbuf *stream_output(struct stream *s)
{
    return &s->out;
}

void stream_output_changed(struct stream *s)
{
    loop_later(s->loop, &s->turn_end);
}

void stream_write(struct stream *s, struct slice data)
{
    strbuf_add_slice(&s->out, data);
    stream_output_changed(s);
}

/* HEAD and BODY of which the socket took WRITTEN bytes. */
static void stream_write_rest(struct stream *s, struct slice head, struct strbuf *body,
                              size_t written)
{
    bool is_begun = written > 0 && written >= head.len;
    if (is_begun && written - head.len == body->len) {
        strbuf_reset(body);
        return;
    }
    if (is_begun) {
        struct strbuf empty = s->out;
        s->out = *body;
        s->out_at = written - head.len;
        *body = empty;
    } else {
        strbuf_add_slice(&s->out, slice_from(head, MIN(written, head.len)));
        strbuf_add_slice(&s->out, strbuf_slice(body));
    }
    strbuf_reset(body);
    stream_output_changed(s);
}

void stream_write_buffer(struct stream *s, struct slice head, struct strbuf *body)
{
    struct iovec iov[] = {{(void *)(uintptr_t)head.s, head.len}, {body->s, body->len}};
    struct msghdr message = {.msg_iov = iov, .msg_iovlen = COUNT_OF(iov)};
    ssize_t n = 0;
    stream_flush(s); /* what waited may have room by now */
    if (!s->transport && !s->broken && stream_output_pending(s) == 0) {
        log_flush(); /* as stream_flush() */
        n = sendmsg(s->fd, &message, MSG_NOSIGNAL);
    }
    /* an error comes again when the rest is written */
    stream_write_rest(s, head, body, n > 0 ? (size_t)n : 0);
}

void stream_write_str(struct stream *s, const char *text)
{
    stream_write(s, slice_of(text));
}

void stream_printf(struct stream *s, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    strbuf_vaddf(&s->out, fmt, ap);
    va_end(ap);
    stream_output_changed(s);
}

size_t stream_output_pending(const struct stream *s)
{
    return s->out.len - s->out_at;
}

bool stream_output_is_full(const struct stream *s)
{
    bool full = stream_output_pending(s) >= STREAM_OUTPUT_FULL;
    if (full)
        ((struct stream *)s)->want_room = true; /* who asked will be called when it changes */
    return full;
}

void stream_free_flush(struct stream *s)
{
    if (!s || s->dead)
        return;
    stream_flush(s);
    stream_free(s);
}

void stream_close_after_output(struct stream *s)
{
    s->closing = true;
    stream_pause(s, true);
    loop_later(s->loop, &s->turn_end);
}

static void stream_on_timer(void *owner)
{
    struct stream *s = owner;
    if (s->closing) { /* a peer that does not read its last reply cannot hold us */
        stream_free(s);
        return;
    }
    s->busy++;
    if (s->events->on_timeout)
        s->events->on_timeout(s->owner, s);
    s->busy--;
    if (s->dead)
        stream_release(s);
}

void stream_deadline(struct stream *s, int64_t in_ms)
{
    if (in_ms <= 0) {
        if (s->timer)
            timer_stop(s->timer);
        return;
    }
    if (!s->timer)
        s->timer = timer_new(s->loop, stream_on_timer, s);
    timer_start(s->timer, in_ms);
}

void stream_set_transport(struct stream *s, const struct stream_transport *transport, void *ctx)
{
    s->transport = transport;
    s->transport_ctx = ctx;
}
