#include "io/sock.h"

#include "io/fd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static bool sock_unix_address(const char *path, struct sockaddr_un *ret, struct err *err)
{
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof ret->sun_path)
        return err_set(err, ERR_CONFIG, "unix-domain name too long: %s", path);
    memcpy(ret->sun_path, path, strlen(path) + 1);
    return true;
}

int sock_listen_unix(const char *path, int type, mode_t mode, struct err *err)
{
    struct sockaddr_un addr;
    if (!sock_unix_address(path, &addr, err))
        return -1;
    CLEANUP(fd_done) int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    if (unlink(path) < 0 && errno != ENOENT) {
        err_set(err, ERR_TEMP, "remove %s: %s", path, strerror(errno));
        return -1;
    }
    if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof addr) < 0 || chmod(path, mode) < 0 ||
        (type == SOCK_STREAM && listen(fd, SOMAXCONN) < 0)) {
        err_set(err, ERR_TEMP, "bind: %s: %s", path, strerror(errno));
        return -1;
    }
    return fd_take(&fd);
}

int sock_connect_unix_start(const char *path, struct err *err)
{
    struct sockaddr_un addr;
    if (!sock_unix_address(path, &addr, err))
        return -1;
    CLEANUP(fd_done) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof addr) < 0) {
        /* EAGAIN: the listen queue is full */
        err_set(err, ERR_TEMP, "connect to %s: %s", path, strerror(errno));
        return -1;
    }
    return fd_take(&fd);
}

void sock_send_room(int fd, int bytes)
{
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
}

int sock_connect_unix(const char *path, int64_t timeout_ms, struct err *err)
{
    struct sockaddr_un addr;
    if (!sock_unix_address(path, &addr, err))
        return -1;
    CLEANUP(fd_done) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    /* a blocking connect to a Unix socket waits only for room in the listen queue */
    struct timeval limit = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
    if (fd >= 0)
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    int status;
    do {
        status = fd < 0 ? -1 : connect(fd, (struct sockaddr *)&addr, sizeof addr);
    } while (fd >= 0 && status < 0 && errno == EINTR);
    if (status < 0) {
        err_set(err, ERR_TEMP, "connect to %s: %s", path, strerror(errno));
        return -1;
    }
    limit = (struct timeval){0};
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    return fd_take(&fd);
}

/* Before the handshake, in which the window's scale is settled. */
static void set_window(int fd, int window)
{
    if (window <= 0)
        return;
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &window, sizeof window);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &window, sizeof window);
}

int sock_connect_start(const struct sockaddr *to, socklen_t to_len, const struct sockaddr *from,
                       socklen_t from_len, struct err *err)
{
    return sock_connect_start_window(to, to_len, from, from_len, 0, err);
}

int sock_connect_start_window(const struct sockaddr *to, socklen_t to_len,
                              const struct sockaddr *from, socklen_t from_len, int window,
                              struct err *err)
{
    CLEANUP(fd_done) int fd = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || (from && bind(fd, from, from_len) < 0)) {
        err_set(err, ERR_TEMP, "%s", strerror(errno));
        return -1;
    }
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    set_window(fd, window);
    if (connect(fd, to, to_len) < 0 && errno != EINPROGRESS) {
        err_set(err, ERR_TEMP, "%s", strerror(errno));
        return -1;
    }
    return fd_take(&fd);
}

int sock_error(int fd)
{
    int error = 0;
    socklen_t len = sizeof error;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 ? errno : error;
}

int sock_listen_inet(const struct sockaddr *addr, socklen_t len, int backlog, int window,
                     struct err *err)
{
    CLEANUP(fd_done) int fd = socket(addr->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;
    if (fd >= 0) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        /* its connections have it from the start: a client that pipelines says nothing more until
         * it has all replies, and its kernel acknowledges the first of them late */
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (addr->sa_family == AF_INET6)
            setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
        set_window(fd, window);
    }
    if (fd < 0 || bind(fd, addr, len) < 0 || listen(fd, backlog) < 0) {
        CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
        sock_address_text(addr, &text);
        err_set(err, ERR_TEMP, "bind %s port %d: %s", text.s, sock_address_port(addr),
                strerror(errno));
        return -1;
    }
    return fd_take(&fd);
}

void sock_address_text(const struct sockaddr *addr, struct strbuf *out)
{
    char text[INET6_ADDRSTRLEN] = "";
    if (addr->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)addr;
        inet_ntop(AF_INET, &in->sin_addr, text, sizeof text);
    } else if (addr->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)addr;
        if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr))
            inet_ntop(AF_INET, in6->sin6_addr.s6_addr + 12, text, sizeof text);
        else
            inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof text);
    }
    strbuf_add_str(out, text);
}

int sock_address_port(const struct sockaddr *addr)
{
    if (addr->sa_family == AF_INET)
        return ntohs(((const struct sockaddr_in *)addr)->sin_port);
    if (addr->sa_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)addr)->sin6_port);
    return 0;
}

bool sock_address_parse(const char *host, int port, struct sockaddr_storage *ret,
                        socklen_t *ret_len)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    *ret = (struct sockaddr_storage){0};
    if (inet_pton(AF_INET, host, &in.sin_addr) == 1) {
        memcpy(ret, &in, sizeof in);
        *ret_len = sizeof in;
        return true;
    }
    if (inet_pton(AF_INET6, host, &in6.sin6_addr) == 1) {
        memcpy(ret, &in6, sizeof in6);
        *ret_len = sizeof in6;
        return true;
    }
    return false;
}
