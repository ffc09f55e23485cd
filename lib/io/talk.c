/* talk: see the header. */
#include "io/talk.h"

#include "io/fd.h"
#include "io/sock.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <unistd.h>

enum { READ_SIZE = 4096 };

void talk_init(struct talk *t)
{
    *t = (struct talk){.fd = -1};
    strbuf_init(&t->in, SIZE_MAX / 4);
}

void talk_close(struct talk *t)
{
    fd_done(&t->fd);
    strbuf_done(&t->in);
    t->used = 0;
}

bool talk_is_open(const struct talk *t)
{
    return t->fd >= 0;
}

/* Poll until FD is ready for EVENTS. */
static bool wait_for(int fd, short events, struct deadline deadline, struct err *err)
{
    struct pollfd pfd = {.fd = fd, .events = events};
    int n;
    do {
        n = poll(&pfd, 1, (int)MIN(deadline_left_ms(deadline), (int64_t)INT32_MAX));
    } while (n < 0 && errno == EINTR);
    if (n > 0)
        return true;
    return err_set(err, ERR_TEMP, "%s", n == 0 ? "Connection timed out" : strerror(errno));
}

static int connect_to(const struct addrinfo *at, struct deadline deadline, struct err *err)
{
    CLEANUP(fd_done) int fd = sock_connect_start(at->ai_addr, at->ai_addrlen, NULL, 0, err);
    if (fd < 0 || !wait_for(fd, POLLOUT, deadline, err))
        return -1;
    int error = sock_error(fd);
    if (error == 0)
        return fd_take(&fd);
    err_set(err, ERR_TEMP, "%s", strerror(error));
    return -1;
}

static bool open_inet(struct talk *t, const char *endpoint, struct deadline deadline,
                      struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf host_text = STRBUF_INIT(1024);
    CLEANUP(strbuf_done) struct strbuf port_text = STRBUF_INIT(1024);
    struct slice host, port;
    if (!slice_rsplit(slice_of(endpoint), ':', &host, &port) || port.len == 0)
        return err_set(err, ERR_CONFIG, "need host:port instead of \"%s\"", endpoint);
    if (slice_starts(host, "[") && slice_ends(host, "]"))
        host = slice_first(slice_from(host, 1), host.len - 2);
    strbuf_add_slice(&host_text, host);
    strbuf_add_slice(&port_text, port);

    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list;
    int status = getaddrinfo(host.len ? host_text.s : NULL, port_text.s, &hints, &list);
    if (status != 0)
        return err_set(err, ERR_TEMP, "host or service %s not found: %s", endpoint,
                       gai_strerror(status));
    struct err why = ERR_INIT;
    for (struct addrinfo *at = list; at && t->fd < 0; at = at->ai_next)
        t->fd = connect_to(at, deadline, &why);
    freeaddrinfo(list);
    return t->fd >= 0 || err_set(err, ERR_TEMP, "connect to %s: %s", endpoint, why.reason);
}

bool talk_open(struct talk *t, const char *endpoint, struct deadline deadline, struct err *err)
{
    struct slice type, rest;
    talk_close(t);
    if (slice_split(slice_of(endpoint), ':', &type, &rest) && rest.len > 0) {
        if (slice_eq(type, "inet"))
            return open_inet(t, rest.s, deadline, err);
        if (slice_eq(type, "unix")) {
            t->fd = sock_connect_unix(rest.s, MAX(deadline_left_ms(deadline), (int64_t)1), err);
            return t->fd >= 0;
        }
    }
    return err_set(err, ERR_CONFIG, "need inet:host:port or unix:pathname instead of \"%s\"",
                   endpoint);
}

bool talk_send(struct talk *t, struct slice data, struct deadline deadline, struct err *err)
{
    while (data.len > 0) {
        if (!wait_for(t->fd, POLLOUT, deadline, err))
            return false;
        ssize_t n = send(t->fd, data.s, data.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n >= 0)
            data = slice_from(data, (size_t)n);
        else if (errno != EINTR && errno != EAGAIN)
            return err_set(err, ERR_TEMP, "%s", strerror(errno));
    }
    return true;
}

static void drop_used(struct talk *t)
{
    strbuf_remove_front(&t->in, t->used);
    t->used = 0;
}

static bool read_more(struct talk *t, struct deadline deadline, struct err *err)
{
    for (;;) {
        if (!wait_for(t->fd, POLLIN, deadline, err))
            return false;
        char *room = strbuf_room(&t->in, READ_SIZE);
        if (!room)
            return err_set(err, ERR_TEMP, "too much input");
        ssize_t n = recv(t->fd, room, READ_SIZE, MSG_DONTWAIT);
        if (n > 0) {
            strbuf_grew(&t->in, (size_t)n);
            return true;
        }
        if (n == 0)
            return err_set(err, ERR_TEMP, "unexpected disconnect");
        if (errno != EINTR && errno != EAGAIN)
            return err_set(err, ERR_TEMP, "%s", strerror(errno));
    }
}

bool talk_line(struct talk *t, size_t max, struct slice *ret_line, struct deadline deadline,
               struct err *err)
{
    drop_used(t);
    size_t seen = 0, at;
    while ((at = slice_find(slice_from(strbuf_slice(&t->in), seen), '\n')) == SIZE_MAX) {
        seen = t->in.len;
        if (seen >= max)
            break;
        if (!read_more(t, deadline, err))
            return false;
    }
    if (at == SIZE_MAX || seen + at >= max)
        return err_set(err, ERR_TEMP, "text longer than %zu", max);
    t->used = seen + at + 1;
    *ret_line = (struct slice){t->in.s, seen + at};
    return true;
}

bool talk_bytes(struct talk *t, size_t len, struct slice *ret, struct deadline deadline,
                struct err *err)
{
    drop_used(t);
    while (t->in.len < len)
        if (!read_more(t, deadline, err))
            return false;
    t->used = len;
    *ret = (struct slice){t->in.s, len};
    return true;
}

bool talk_some(struct talk *t, struct slice *ret, struct deadline deadline, struct err *err)
{
    drop_used(t);
    if (t->in.len == 0 && !read_more(t, deadline, err))
        return false;
    t->used = t->in.len;
    *ret = strbuf_slice(&t->in);
    return true;
}

size_t talk_unread(const struct talk *t)
{
    return t->in.len - t->used;
}
