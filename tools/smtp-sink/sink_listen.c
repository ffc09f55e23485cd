#include "tools/smtp-sink/sink_listen.h"

#include "base/xmem.h"

#include <errno.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int bind_and_listen(const struct sink_options *o, int family, const struct sockaddr *address,
                           socklen_t len)
{
    int one = 1;
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    if (o->window > 0 && family != AF_UNIX) {
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &o->window, sizeof o->window);
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &o->window, sizeof o->window);
    }
    if (bind(fd, address, len) < 0 || listen(fd, o->backlog) < 0) {
        int why = errno;
        close(fd);
        errno = why;
        return -1;
    }
    return fd;
}

static size_t listen_unix(const struct sink_options *o, const char *path, int fds[])
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        sink_fatal(o, "socket path too long: %s", path);
    memcpy(address.sun_path, path, strlen(path) + 1);
    unlink(path);
    fds[0] = bind_and_listen(o, AF_UNIX, (struct sockaddr *)&address, sizeof address);
    if (fds[0] < 0)
        sink_fatal(o, "bind %s: %s", path, strerror(errno));
    return 1;
}

static size_t listen_inet(const struct sink_options *o, struct slice endpoint, int fds[])
{
    struct slice host, port;
    if (!slice_rsplit(endpoint, ':', &host, &port) || port.len == 0)
        sink_fatal(o, "bad address, want [host]:port: %s", o->endpoint);
    if (host.len > 1 && host.s[0] == '[' && host.s[host.len - 1] == ']')
        host = slice_first(slice_from(host, 1), host.len - 2);
    CLEANUP(xfree_ptr) char *name = slice_dup(host);
    CLEANUP(xfree_ptr) char *service = slice_dup(port);
    struct addrinfo *list,
        hints = {.ai_family = o->family, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    int failure = getaddrinfo(host.len ? name : NULL, service, &hints, &list);
    if (failure)
        sink_fatal(o, "%s: %s", o->endpoint, gai_strerror(failure));
    size_t count = 0;
    for (struct addrinfo *a = list; a && count < SINK_LISTEN_MAX; a = a->ai_next) {
        fds[count] = bind_and_listen(o, a->ai_family, a->ai_addr, a->ai_addrlen);
        if (fds[count] >= 0)
            count++;
        else if (errno != EAFNOSUPPORT && errno != EADDRNOTAVAIL) /* no IPv6 here */
            sink_fatal(o, "bind %s: %s", o->endpoint, strerror(errno));
    }
    freeaddrinfo(list);
    if (count == 0)
        sink_fatal(o, "bind %s: %s", o->endpoint, strerror(errno));
    return count;
}

size_t sink_listen(const struct sink_options *options, int fds[SINK_LISTEN_MAX])
{
    struct slice endpoint = slice_of(options->endpoint);
    if (slice_starts(endpoint, "unix:"))
        return listen_unix(options, options->endpoint + 5, fds);
    if (slice_starts(endpoint, "inet:"))
        endpoint = slice_from(endpoint, 5);
    return listen_inet(options, endpoint, fds);
}
