#include "ipc/chan.h"

#include "base/xmem.h"
#include "io/deadline.h"

#include <errno.h>
#include <poll.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DIRECT_FROM = 16 * 1024 }; /* a body of this size is not copied behind other output */

struct chan {
    struct stream *stream;
    const struct chan_events *events;
    void *owner;
    int busy;
    bool dead;
    struct chan_inbox *inbox; /* of descriptors; the stream's transport owns it */
};

static void chan_release(struct chan *chan)
{
    if (chan->dead && chan->busy == 0)
        free(chan);
}

static void chan_close_with(struct chan *chan, const struct err *err)
{
    chan->busy++;
    chan->events->on_closed(chan->owner, chan, err);
    chan->busy--;
    chan_release(chan);
}

static void chan_on_input(void *owner, struct stream *s)
{
    struct chan *chan = owner;
    chan->busy++;
    bool bad = false;
    while (!chan->dead) {
        uint16_t kind;
        struct slice body;
        size_t size;
        enum msg_frame_status status = msg_frame_next(stream_input(s), &kind, &body, &size);
        bad = status == MSG_FRAME_BAD;
        if (status == MSG_FRAME_MORE && stream_input(s).len > 0) /* and the header of the next */
            stream_expect(s, size + MSG_HEADER - stream_input(s).len);
        if (status != MSG_FRAME_READY)
            break;
        chan->events->on_message(chan->owner, chan, kind, body);
        if (!chan->dead)
            stream_consume(s, size);
    }
    chan->busy--;
    if (bad && !chan->dead) {
        struct err err = ERR_INIT;
        err_set(&err, ERR_TEMP, "peer sent what is not a message of this version");
        stream_pause(s, true);
        chan_close_with(chan, &err);
        return;
    }
    chan_release(chan);
}

static void chan_on_closed(void *owner, struct stream *s, const struct err *err)
{
    (void)s;
    chan_close_with(owner, err);
}

static void chan_on_room(void *owner, struct stream *s)
{
    (void)s;
    struct chan *chan = owner;
    if (!chan->events->on_room)
        return;
    chan->busy++;
    chan->events->on_room(chan->owner, chan);
    chan->busy--;
    chan_release(chan);
}

static const struct stream_events chan_stream_events = {
    .on_input = chan_on_input,
    .on_closed = chan_on_closed,
    .on_room = chan_on_room,
};

struct chan *chan_new(struct loop *loop, int fd, const struct chan_events *events, void *owner)
{
    struct chan *chan = xzalloc(sizeof *chan);
    chan->events = events;
    chan->owner = owner;
    chan->stream = stream_new(loop, fd, &chan_stream_events, chan);
    stream_input_max(chan->stream, MSG_BODY_MAX + MSG_HEADER);
    return chan;
}

void chan_set_owner(struct chan *chan, const struct chan_events *events, void *owner)
{
    chan->events = events;
    chan->owner = owner;
}

void chan_free(struct chan *chan)
{
    if (!chan || chan->dead)
        return;
    stream_free_flush(chan->stream);
    chan->stream = NULL;
    chan->dead = true;
    chan_release(chan);
}

void chan_send(struct chan *chan, uint16_t kind, const struct msg_type *type, const void *object)
{
    msg_frame(kind, type, object, stream_output(chan->stream));
    stream_output_changed(chan->stream);
}

void chan_send_raw(struct chan *chan, uint16_t kind, struct slice body)
{
    msg_frame_raw(kind, body, stream_output(chan->stream));
    stream_output_changed(chan->stream);
}

void chan_send_buffer(struct chan *chan, uint16_t kind, struct strbuf *body)
{
    if (body->len < DIRECT_FROM) {
        chan_send_raw(chan, kind, strbuf_slice(body));
        strbuf_reset(body);
        return;
    }
    char head[MSG_HEADER];
    msg_frame_head(kind, body->len, head);
    stream_write_buffer(chan->stream, (struct slice){head, sizeof head}, body);
}

struct stream *chan_stream(struct chan *chan)
{
    return chan->stream;
}

/* ---- descriptors ---- */

struct chan_inbox {
    int socket;
    int fds[CHAN_FDS_MAX];
    size_t count;
};

static void inbox_take_in(struct chan_inbox *inbox, struct msghdr *msg)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
            if (inbox->count < CHAN_FDS_MAX)
                inbox->fds[inbox->count++] = fd;
            else
                close(fd);
        }
    }
}

static ssize_t inbox_read(void *ctx, void *data, size_t len)
{
    struct chan_inbox *inbox = ctx;
    alignas(struct cmsghdr) char control[CMSG_SPACE(CHAN_FDS_MAX * sizeof(int))];
    struct iovec part = {data, len};
    struct msghdr msg = {.msg_iov = &part,
                         .msg_iovlen = 1,
                         .msg_control = control,
                         .msg_controllen = sizeof control};
    ssize_t n = recvmsg(inbox->socket, &msg, MSG_CMSG_CLOEXEC);
    if (n >= 0)
        inbox_take_in(inbox, &msg);
    return n;
}

static ssize_t inbox_write(void *ctx, const void *data, size_t len)
{
    struct chan_inbox *inbox = ctx;
    return send(inbox->socket, data, len, MSG_NOSIGNAL);
}

static void inbox_free(void *ctx)
{
    struct chan_inbox *inbox = ctx;
    for (size_t i = 0; i < inbox->count; i++)
        close(inbox->fds[i]);
    free(inbox);
}

static const struct stream_transport inbox_transport = {
    .read = inbox_read, .write = inbox_write, .free = inbox_free, .is_socket = true};

void chan_accept_fds(struct chan *chan)
{
    chan->inbox = xzalloc(sizeof *chan->inbox);
    chan->inbox->socket = stream_fd(chan->stream);
    stream_set_transport(chan->stream, &inbox_transport, chan->inbox);
}

size_t chan_take_fds(struct chan *chan, int fds[CHAN_FDS_MAX])
{
    if (!chan->inbox)
        return 0;
    size_t count = chan->inbox->count;
    memcpy(fds, chan->inbox->fds, count * sizeof *fds);
    chan->inbox->count = 0;
    return count;
}

bool chan_send_fds(struct chan *chan, uint16_t kind, const struct msg_type *type,
                   const void *object, const int *fds, size_t count)
{
    if (count > CHAN_FDS_MAX || stream_output_pending(chan->stream) > 0)
        return false;
    if (count == 0) {
        chan_send(chan, kind, type, object);
        return true;
    }
    CLEANUP(strbuf_done) struct strbuf frame = STRBUF_ANY;
    msg_frame(kind, type, object, &frame);
    alignas(struct cmsghdr) char control[CMSG_SPACE(CHAN_FDS_MAX * sizeof(int))] = {0};
    struct iovec part = {frame.s, frame.len};
    struct msghdr msg = {.msg_iov = &part,
                         .msg_iovlen = 1,
                         .msg_control = control,
                         .msg_controllen = CMSG_SPACE(count * sizeof(int))};
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(count * sizeof(int));
    memcpy(CMSG_DATA(c), fds, count * sizeof(int));
    ssize_t n;
    do
        n = sendmsg(stream_fd(chan->stream), &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n <= 0)
        return false;
    stream_write(chan->stream, slice_from(strbuf_slice(&frame), (size_t)n)); /* mostly nothing */
    return true;
}

static bool chan_wait(int fd, short events, struct deadline deadline, struct err *err)
{
    struct pollfd pfd = {.fd = fd, .events = events};
    int n;
    do {
        n = poll(&pfd, 1, (int)MIN(deadline_left_ms(deadline), (int64_t)INT32_MAX));
    } while (n < 0 && errno == EINTR);
    if (n > 0)
        return true;
    return err_set(err, ERR_TEMP, "%s", n == 0 ? "time-out" : strerror(errno));
}

bool chan_send_blocking(int fd, uint16_t kind, const struct msg_type *type, const void *object,
                        int64_t timeout_ms, struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY;
    struct deadline deadline = deadline_in_ms(timeout_ms);
    msg_frame(kind, type, object, &out);
    for (size_t at = 0; at < out.len;) {
        if (!chan_wait(fd, POLLOUT, deadline, err))
            return false;
        ssize_t n = send(fd, out.s + at, out.len - at, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0)
            at += (size_t)n;
        else if (errno != EAGAIN && errno != EINTR)
            return err_set(err, ERR_TEMP, "%s", strerror(errno));
    }
    return true;
}

bool chan_recv_blocking(int fd, int64_t timeout_ms, struct strbuf *in, uint16_t *ret_kind,
                        struct slice *ret_body, struct err *err)
{
    struct deadline deadline = deadline_in_ms(timeout_ms);
    strbuf_reset(in);
    for (;;) {
        size_t size;
        enum msg_frame_status status = msg_frame_next(strbuf_slice(in), ret_kind, ret_body, &size);
        if (status == MSG_FRAME_READY)
            return true;
        if (status == MSG_FRAME_BAD)
            return err_set(err, ERR_TEMP, "peer sent what is not a message of this version");
        if (!chan_wait(fd, POLLIN, deadline, err))
            return false;
        /* read no further than the frame: what follows belongs to the next call */
        size_t want = MSG_HEADER - in->len;
        if (in->len >= MSG_HEADER) {
            uint32_t len;
            memcpy(&len, in->s + 4, sizeof len);
            want = MSG_HEADER + (size_t)len - in->len;
        }
        want = MIN(want, (size_t)65536);
        ssize_t n = recv(fd, strbuf_room(in, want), want, MSG_DONTWAIT);
        if (n > 0)
            strbuf_grew(in, (size_t)n);
        else if (n == 0)
            return err_set(err, ERR_TEMP, "connection closed");
        else if (errno != EAGAIN && errno != EINTR)
            return err_set(err, ERR_TEMP, "%s", strerror(errno));
    }
}
