#include "tools/smtp-source/source_endpoint.h"

#include "base/xmem.h"

#include <netdb.h>
#include <sys/un.h>

static void find_unix(const struct source_options *o, const char *path, struct source_endpoint *ret)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        source_fatal(o, "socket path too long: %s", path);
    memcpy(address.sun_path, path, strlen(path) + 1);
    memcpy(&ret->at[0].address, &address, sizeof address);
    ret->at[0].len = sizeof address;
    ret->count = 1;
}

/* "host", "host:port", "[address]", "[address]:port"; *ret_port stays when there is none */
static void split(struct slice in, struct slice *ret_host, struct slice *ret_port)
{
    if (in.len > 0 && in.s[0] == '[') {
        size_t close = slice_find(in, ']');
        size_t end = close == SIZE_MAX ? in.len : close;
        *ret_host = slice_from(slice_first(in, end), 1);
        in = slice_from(in, end + 1);
        if (in.len > 1 && in.s[0] == ':')
            *ret_port = slice_from(in, 1);
    } else if (!slice_rsplit(in, ':', ret_host, ret_port)) {
        *ret_host = in;
    }
}

void source_endpoint_find(const struct source_options *options, struct source_endpoint *ret)
{
    struct slice endpoint = slice_of(options->endpoint), host;
    struct slice port = slice_of(options->qmqp ? "628" : "25");
    if (slice_starts(endpoint, "unix:")) {
        find_unix(options, options->endpoint + 5, ret);
        return;
    }
    if (slice_starts(endpoint, "inet:"))
        endpoint = slice_from(endpoint, 5);
    split(endpoint, &host, &port);
    CLEANUP(xfree_ptr) char *name = slice_dup(host);
    CLEANUP(xfree_ptr) char *service = slice_dup(port);
    struct addrinfo *list, hints = {.ai_family = options->family, .ai_socktype = SOCK_STREAM};
    int failure = getaddrinfo(name, service, &hints, &list);
    if (failure)
        source_fatal(options, "%s: %s", options->endpoint, gai_strerror(failure));
    ret->count = 0;
    for (struct addrinfo *a = list; a && ret->count < SOURCE_ADDRESSES; a = a->ai_next) {
        memcpy(&ret->at[ret->count].address, a->ai_addr, a->ai_addrlen);
        ret->at[ret->count].len = a->ai_addrlen;
        ret->count++;
    }
    freeaddrinfo(list);
}
