#include "service/pass.h"

#include "io/fd.h"
#include "io/sock.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

enum { PASS_FRAME_MAX = 1024, PASS_PORT_MAX = 65535 };

#define MSG_SELF pass_peer
MSG_DEFINE(pass_peer, PASS_PEER_FIELDS)
#undef MSG_SELF

union pass_control {
    char space[CMSG_SPACE(sizeof(int))];
    struct cmsghdr align;
};

bool pass_send(int carrier, int fd, const struct haproxy_peers *ends, struct err *err)
{
    const struct pass_peer peer = {.client_address = ends->client_address,
                                   .client_port = ends->client_port,
                                   .server_address = ends->server_address,
                                   .server_port = ends->server_port};
    CLEANUP(strbuf_done) struct strbuf frame = STRBUF_INIT(PASS_FRAME_MAX);
    msg_frame(PASS_CONNECTION, &pass_peer_type, &peer, &frame);
    ssize_t n = fd_send_with(carrier, fd, frame.s, frame.len);
    if (n < 0)
        return err_set(err, ERR_TEMP, "send connection: %s", strerror(errno));
    /* a fresh socket has room for all of it */
    return (size_t)n == frame.len || err_set(err, ERR_TEMP, "send connection: cut off");
}

/* Every descriptor that came, so that none is left open; the first one is returned. */
static int pass_descriptor(struct msghdr *msg)
{
    int found = -1;
    for (struct cmsghdr *h = CMSG_FIRSTHDR(msg); h; h = CMSG_NXTHDR(msg, h)) {
        if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS ||
            h->cmsg_len != CMSG_LEN(sizeof(int)))
            continue;
        int fd;
        memcpy(&fd, CMSG_DATA(h), sizeof fd);
        if (found < 0)
            found = fd;
        else
            fd_done(&fd);
    }
    return found;
}

static bool pass_set_end(const char *address, int64_t port, char ret_address[HAPROXY_ADDRESS_MAX],
                         uint16_t *ret_port)
{
    struct sockaddr_storage parsed;
    socklen_t len;
    if (port < 0 || port > PASS_PORT_MAX || strlen(address) >= HAPROXY_ADDRESS_MAX ||
        (*address && !sock_address_parse(address, (int)port, &parsed, &len)))
        return false;
    memcpy(ret_address, address, strlen(address) + 1);
    *ret_port = (uint16_t)port;
    return true;
}

/* The giver talks to strangers and may have been taken over: what it says is checked. */
static bool pass_decode(struct slice frame, struct haproxy_peers *ret, struct err *err)
{
    CLEANUP(arena_free_ptr) struct arena *arena = arena_new("pass");
    struct pass_peer peer;
    uint16_t kind;
    struct slice body;
    size_t size;
    if (msg_frame_next(frame, &kind, &body, &size) != MSG_FRAME_READY || size != frame.len ||
        kind != PASS_CONNECTION)
        return err_set(err, ERR_TEMP, "receive connection: no such message");
    if (!msg_decode(&pass_peer_type, body, arena, &peer, err))
        return err_prefix(err, "receive connection");
    *ret = (struct haproxy_peers){.is_proxied = peer.client_address[0] != '\0'};
    ret->family = strchr(peer.client_address, ':') ? AF_INET6 : AF_INET;
    return (pass_set_end(peer.client_address, peer.client_port, ret->client_address,
                         &ret->client_port) &&
            pass_set_end(peer.server_address, peer.server_port, ret->server_address,
                         &ret->server_port)) ||
           err_set(err, ERR_TEMP, "receive connection: bad address");
}

enum pass_status pass_recv(int carrier, int *ret_fd, struct haproxy_peers *ret_ends,
                           struct err *err)
{
    char data[PASS_FRAME_MAX];
    union pass_control control = {0};
    struct iovec iov = {data, sizeof data};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = control.space,
                         .msg_controllen = sizeof control.space};
    ssize_t n;
    do {
        n = recvmsg(carrier, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return PASS_MORE;
    CLEANUP(fd_done) int fd = n > 0 ? pass_descriptor(&msg) : -1;
    if (n <= 0 || fd < 0) {
        err_set(err, ERR_TEMP, "receive connection: %s",
                n < 0 ? strerror(errno) : "no descriptor came");
        return PASS_BAD;
    }
    if (!pass_decode((struct slice){data, (size_t)n}, ret_ends, err))
        return PASS_BAD;
    const char taken = PASS_TAKEN;
    if (send(carrier, &taken, 1, MSG_NOSIGNAL | MSG_DONTWAIT) != 1) {
        err_set(err, ERR_TEMP, "receive connection: the giver is gone");
        return PASS_BAD; /* it tells the client */
    }
    *ret_fd = fd_take(&fd);
    return PASS_READY;
}
