/*
 * The client's end of the cleanup protocol.
 *
 * Records are kept back until cleanup has named the queue file: a kept-open connection that cleanup
 * closed in between can then be replaced by a new one without losing anything, and a small message
 * travels in one frame.
 */
#include "mail/cleanup_client.h"

#include "base/xmem.h"
#include "io/sock.h"
#include "ipc/chan.h"

#include <fcntl.h>
#include <unistd.h>
#include <utlist.h>

enum { FRAME_SIZE = 64 * 1024, KEPT_BACK_MAX = 256 * 1024, IDLE_MAX = 100 };
/* Some frames: with the kernel's default each large one would go in pieces, with a wake-up of
 * either side between them. */
enum { SOCKET_ROOM = 1024 * 1024 };

struct cleanup_conn {
    struct cleanup_client *client;
    struct chan *chan;
    struct cleanup_stream *stream; /* NULL: idle, or waiting for the answer to ABORT */
    bool is_idle, was_used;
    struct cleanup_conn *prev, *next;
};

struct cleanup_client {
    struct loop *loop;
    char *path;
    int64_t timeout_ms;
    struct cleanup_conn *conns;
    size_t idle_count;
    struct cleanup_stream *streams;
};

struct cleanup_stream {
    struct cleanup_client *client;
    struct cleanup_conn *conn;
    const struct cleanup_events *events;
    void *owner;
    int64_t flags;
    int fds[CHAN_FDS_MAX]; /* of mail filters, until cleanup has them */
    size_t fd_count;
    struct strbuf records; /* not yet sent */
    struct timer *timer;   /* runs while cleanup is to do something */
    struct later fail_later;
    struct arena *arena; /* of the answer */
    struct cleanup_done done;
    struct err err;
    bool has_answer;
    bool is_opened, is_finished, is_over, was_full;
    struct cleanup_stream *prev, *next;
};

static void conn_on_message(void *owner, struct chan *chan, uint16_t kind, struct slice body);
static void conn_on_closed(void *owner, struct chan *chan, const struct err *err);
static void conn_on_room(void *owner, struct chan *chan);
static const struct chan_events conn_events = {
    .on_message = conn_on_message, .on_closed = conn_on_closed, .on_room = conn_on_room};

int64_t cleanup_client_flags(const char *override_options)
{
    static const struct {
        const char *word;
        int64_t off;
    } options[] = {
        {"no_header_body_checks", CLEANUP_FLAG_FILTER},
        {"no_address_mappings", CLEANUP_FLAG_BCC | CLEANUP_FLAG_MAP},
        {"no_milters", CLEANUP_FLAG_MILTER},
        {"no_unknown_recipient_checks", 0},
    };
    struct slice rest = slice_of(override_options), item;
    int64_t flags = CLEANUP_FLAGS_EXTERNAL;
    while (slice_next_item(&rest, &item))
        for (size_t i = 0; i < COUNT_OF(options); i++)
            if (slice_eq_nocase(item, options[i].word))
                flags &= ~options[i].off;
    return flags;
}

struct cleanup_client *cleanup_client_new(struct loop *loop, const char *path, int64_t timeout_ms)
{
    struct cleanup_client *client = xzalloc(sizeof *client);
    client->loop = loop;
    client->path = xstrdup(path);
    client->timeout_ms = timeout_ms;
    return client;
}

static void conn_free(struct cleanup_conn *conn)
{
    if (conn->stream)
        conn->stream->conn = NULL;
    if (conn->is_idle)
        conn->client->idle_count--;
    DL_DELETE(conn->client->conns, conn);
    chan_free(conn->chan);
    free(conn);
}

void cleanup_client_free(struct cleanup_client *client)
{
    if (!client)
        return;
    struct cleanup_stream *s, *next_stream;
    struct cleanup_conn *conn, *next_conn;
    DL_FOREACH_SAFE (client->streams, s, next_stream)
        cleanup_stream_free(s);
    DL_FOREACH_SAFE (client->conns, conn, next_conn)
        conn_free(conn);
    free(client->path);
    free(client);
}

static void close_fds(struct cleanup_stream *s)
{
    for (size_t i = 0; i < s->fd_count; i++)
        close(s->fds[i]);
    s->fd_count = 0;
}

/* The message has ended, one way or the other; the owner may free S inside. */
static void stream_over(struct cleanup_stream *s)
{
    s->is_over = true;
    timer_stop(s->timer);
    strbuf_done(&s->records);
    close_fds(s);
    if (s->events && s->events->on_done)
        s->events->on_done(s->owner, s->has_answer ? &s->done : NULL, &s->err);
}

static void stream_fail(struct cleanup_stream *s, const char *reason)
{
    if (s->conn)
        conn_free(s->conn);
    err_set(&s->err, ERR_TEMP, "%s: %s", s->client->path, reason);
    stream_over(s);
}

static void stream_on_fail_later(void *owner)
{
    struct cleanup_stream *s = owner;
    if (!s->is_over)
        stream_fail(s, s->err.reason);
}

static void stream_on_timeout(void *owner)
{
    stream_fail(owner, "no answer in time");
}

static struct cleanup_conn *conn_new(struct cleanup_client *client, struct err *err)
{
    int fd = sock_connect_unix_start(client->path, err);
    if (fd < 0)
        return NULL;
    sock_send_room(fd, SOCKET_ROOM);
    struct cleanup_conn *conn = xzalloc(sizeof *conn);
    conn->client = client;
    conn->chan = chan_new(client->loop, fd, &conn_events, conn);
    DL_APPEND(client->conns, conn);
    return conn;
}

static struct cleanup_conn *conn_take_idle(struct cleanup_client *client)
{
    struct cleanup_conn *conn;
    DL_FOREACH (client->conns, conn) {
        if (conn->is_idle) {
            conn->is_idle = false;
            client->idle_count--;
            return conn;
        }
    }
    return NULL;
}

static bool stream_connect(struct cleanup_stream *s, bool may_reuse)
{
    struct cleanup_conn *conn = may_reuse ? conn_take_idle(s->client) : NULL;
    if (!conn)
        conn = conn_new(s->client, &s->err);
    if (!conn)
        return false;
    conn->stream = s;
    s->conn = conn;
    struct cleanup_open open = {.flags = s->flags, .milters = (int64_t)s->fd_count};
    return chan_send_fds(conn->chan, CLEANUP_OPEN, &cleanup_open_type, &open, s->fds,
                         s->fd_count) ||
           err_set(&s->err, ERR_TEMP, "cannot pass connections of mail filters on");
}

struct cleanup_stream *cleanup_stream_open(struct cleanup_client *client, int64_t flags,
                                           const struct cleanup_events *events, void *owner)
{
    return cleanup_stream_open_milters(client, flags, NULL, 0, events, owner);
}

/* Every filter has a descriptor, so that their order is kept: one that is not connected gets any.
 */
static void copy_fds(struct cleanup_stream *s, const int *fds, size_t count)
{
    for (size_t i = 0; i < count && i < CHAN_FDS_MAX; i++) {
        int fd = fds[i] >= 0 ? fcntl(fds[i], F_DUPFD_CLOEXEC, 0) : -1;
        if (fd < 0)
            fd = open("/", O_PATH | O_CLOEXEC);
        if (fd >= 0)
            s->fds[s->fd_count++] = fd;
    }
}

struct cleanup_stream *cleanup_stream_open_milters(struct cleanup_client *client, int64_t flags,
                                                   const int *fds, size_t count,
                                                   const struct cleanup_events *events, void *owner)
{
    struct cleanup_stream *s = xzalloc(sizeof *s);
    s->client = client;
    s->events = events;
    s->owner = owner;
    s->flags = flags;
    copy_fds(s, fds, count);
    s->arena = arena_new("cleanup_stream");
    s->fail_later = (struct later){.fn = stream_on_fail_later, .owner = s};
    s->timer = timer_new(client->loop, stream_on_timeout, s);
    strbuf_init(&s->records, SIZE_MAX / 4);
    DL_APPEND(client->streams, s);
    timer_start(s->timer, client->timeout_ms);
    if (!stream_connect(s, true))
        loop_later(client->loop, &s->fail_later);
    return s;
}

void cleanup_stream_free(struct cleanup_stream *s)
{
    if (!s)
        return;
    if (s->conn) {
        struct cleanup_conn *conn = s->conn;
        conn->stream = NULL;
        /* After E the message may be in the queue already, and its answer belongs to nobody. */
        if (s->is_finished)
            conn_free(conn);
        else
            chan_send(conn->chan, CLEANUP_ABORT, NULL, NULL);
    }
    DL_DELETE(s->client->streams, s);
    loop_later_cancel(s->client->loop, &s->fail_later);
    timer_free(s->timer);
    strbuf_done(&s->records);
    close_fds(s);
    arena_free(s->arena);
    free(s);
}

struct strbuf *cleanup_stream_buffer(struct cleanup_stream *s)
{
    return &s->records;
}

bool cleanup_stream_is_full(const struct cleanup_stream *s)
{
    struct cleanup_stream *mine = (struct cleanup_stream *)s; /* only to remember the answer */
    if (s->is_over)
        return false;
    mine->was_full = s->is_opened ? s->conn && stream_output_is_full(chan_stream(s->conn->chan))
                                  : s->records.len >= KEPT_BACK_MAX;
    return s->was_full;
}

/* As many whole records as fit in one frame; 0: not even one does. */
static size_t frame_length(struct slice records)
{
    size_t len = 0, size;
    int type;
    struct slice data;
    while (record_peek(slice_from(records, len), &type, &data, &size) == RECORD_READY &&
           len + size <= MSG_BODY_MAX)
        len += size;
    return len;
}

/* More than fits in one frame. */
static void send_frames(struct cleanup_stream *s)
{
    for (struct slice rest = strbuf_slice(&s->records); rest.len > 0;) {
        size_t len = frame_length(rest);
        if (len == 0) {
            err_set(&s->err, ERR_TEMP, "record too large");
            loop_later(s->client->loop, &s->fail_later);
            break;
        }
        chan_send_raw(s->conn->chan, CLEANUP_RECORDS, slice_first(rest, len));
        rest = slice_from(rest, len);
    }
    strbuf_reset(&s->records);
}

void cleanup_stream_flush(struct cleanup_stream *s)
{
    if (s->is_over) {
        strbuf_reset(&s->records);
        return;
    }
    if (!s->is_opened || !s->conn || s->records.len == 0)
        return;
    if (s->records.len <= MSG_BODY_MAX)
        chan_send_buffer(s->conn->chan, CLEANUP_RECORDS, &s->records);
    else
        send_frames(s);
    if (s->is_finished || stream_output_is_full(chan_stream(s->conn->chan)))
        timer_start(s->timer, s->client->timeout_ms);
}

void cleanup_stream_milters(struct cleanup_stream *s, const struct cleanup_milters *milters)
{
    cleanup_stream_flush(s);
    if (s->conn && s->is_opened && !s->is_over)
        chan_send(s->conn->chan, CLEANUP_MILTERS, &cleanup_milters_type, milters);
}

static void flush_when_large(struct cleanup_stream *s)
{
    if (s->records.len >= FRAME_SIZE)
        cleanup_stream_flush(s);
}

void cleanup_stream_add(struct cleanup_stream *s, int type, struct slice data)
{
    record_add(&s->records, type, data);
    flush_when_large(s);
}

void cleanup_stream_addf(struct cleanup_stream *s, int type, const char *fmt, ...)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_INIT(RECORD_MAX);
    va_list ap;
    va_start(ap, fmt);
    strbuf_vaddf(&text, fmt, ap);
    va_end(ap);
    cleanup_stream_add(s, type, strbuf_slice(&text));
}

void cleanup_stream_add_text(struct cleanup_stream *s, struct slice text)
{
    struct slice line;
    while (slice_next_line(&text, &line))
        cleanup_stream_add(s, REC_LINE, line);
}

void cleanup_stream_attribute(struct cleanup_stream *s, const char *name, const char *value)
{
    record_add_attribute(&s->records, name, value);
    flush_when_large(s);
}

void cleanup_stream_finish(struct cleanup_stream *s)
{
    record_add(&s->records, REC_END, SLICE_EMPTY);
    s->is_finished = true;
    cleanup_stream_flush(s);
}

static void conn_make_idle(struct cleanup_conn *conn)
{
    conn->stream = NULL;
    conn->was_used = true;
    if (conn->client->idle_count >= IDLE_MAX) {
        conn_free(conn);
        return;
    }
    conn->is_idle = true;
    conn->client->idle_count++;
}

static void stream_on_opened(struct cleanup_stream *s, struct slice body)
{
    struct cleanup_opened opened;
    struct err err = ERR_INIT;
    if (s->is_opened || !msg_decode(&cleanup_opened_type, body, s->arena, &opened, &err)) {
        stream_fail(s, s->is_opened ? "answered twice" : err.reason);
        return;
    }
    bool was_full = s->was_full;
    s->is_opened = true;
    close_fds(s);
    timer_stop(s->timer);
    /* ON_OPENED may add to what was kept back and finish; one flush takes it all. */
    struct cleanup_client *client = s->client;
    if (s->events && s->events->on_opened) {
        s->events->on_opened(s->owner, opened.queue_id);
        struct cleanup_stream *still;
        DL_FOREACH (client->streams, still)
            if (still == s)
                break;
        if (!still) /* freed by its owner */
            return;
    }
    if (s->is_finished || s->records.len >= FRAME_SIZE)
        cleanup_stream_flush(s);
    if (was_full && !cleanup_stream_is_full(s) && s->events && s->events->on_room)
        s->events->on_room(s->owner);
}

static void stream_on_done(struct cleanup_stream *s, struct slice body)
{
    struct err err = ERR_INIT;
    if (!msg_decode(&cleanup_done_type, body, s->arena, &s->done, &err)) {
        stream_fail(s, err.reason);
        return;
    }
    struct cleanup_conn *conn = s->conn;
    s->conn = NULL;
    s->has_answer = true;
    if (s->is_opened && !s->is_finished) { /* cleanup gave up: where it stands is not known */
        conn->stream = NULL;
        conn_free(conn);
    } else {
        conn_make_idle(conn);
    }
    stream_over(s);
}

static void conn_on_message(void *owner, struct chan *chan, uint16_t kind, struct slice body)
{
    (void)chan;
    struct cleanup_conn *conn = owner;
    if (conn->stream && kind == CLEANUP_OPENED)
        stream_on_opened(conn->stream, body);
    else if (conn->stream && kind == CLEANUP_DONE)
        stream_on_done(conn->stream, body);
    else if (conn->stream)
        stream_fail(conn->stream, "unexpected message");
    else if (kind == CLEANUP_DONE && !conn->is_idle)
        conn_make_idle(conn); /* the answer to ABORT */
    else if (conn->is_idle || kind != CLEANUP_OPENED)
        conn_free(conn);
}

static void conn_on_closed(void *owner, struct chan *chan, const struct err *err)
{
    (void)chan;
    struct cleanup_conn *conn = owner;
    struct cleanup_stream *s = conn->stream;
    bool may_retry = s && conn->was_used && !s->is_opened;
    struct err reason = *err;
    conn_free(conn);
    if (!s)
        return;
    /* A process that retired closed the connection before it saw the question. */
    if (may_retry && stream_connect(s, false))
        return;
    stream_fail(s, reason.kind == ERR_NONE ? "connection closed" : reason.reason);
}

static void conn_on_room(void *owner, struct chan *chan)
{
    (void)chan;
    struct cleanup_conn *conn = owner;
    struct cleanup_stream *s = conn->stream;
    if (!s || !s->is_opened)
        return;
    if (!s->is_finished)
        timer_stop(s->timer);
    s->was_full = false;
    if (s->events && s->events->on_room)
        s->events->on_room(s->owner);
}

bool cleanup_stream_wait(struct cleanup_stream *s, struct loop *loop, struct cleanup_done *ret,
                         struct arena *arena, struct err *err)
{
    while (!s->is_over)
        loop_run_once(loop, true);
    if (!s->has_answer) {
        if (err)
            *err = s->err;
        return false;
    }
    *ret = s->done;
    ret->queue_id = arena_strdup(arena, s->done.queue_id);
    ret->reason = arena_strdup(arena, s->done.reason);
    return true;
}
