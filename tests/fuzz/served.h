/*
 * served: a table whose server answers each connection with the fuzzer's bytes, whatever it is
 * asked, and then has nothing more to say.
 */
#ifndef FUZZ_SERVED_H
#define FUZZ_SERVED_H

#include "map/map.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

static struct {
    pthread_mutex_t lock; /* over the bytes */
    uint8_t data[60000];  /* fits a socket's buffer */
    size_t size;
    int listener;
    in_port_t port;
} served = {.lock = PTHREAD_MUTEX_INITIALIZER, .listener = -1};

static void *served_thread(void *unused)
{
    for (;;) {
        char asked[4096];
        int fd = accept(served.listener, NULL, NULL);
        if (fd < 0)
            return unused;
        pthread_mutex_lock(&served.lock);
        for (size_t at = 0; at < served.size;) {
            ssize_t n = send(fd, served.data + at, served.size - at, MSG_NOSIGNAL);
            if (n <= 0)
                break;
            at += (size_t)n;
        }
        pthread_mutex_unlock(&served.lock);
        shutdown(fd, SHUT_WR);
        while (recv(fd, asked, sizeof asked, 0) > 0)
            ;
        close(fd);
    }
}

/* The server's "127.0.0.1:port", which it is from the first call on. */
static const char *served_endpoint(void)
{
    static char endpoint[32];
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    pthread_t thread;
    if (served.listener >= 0)
        return endpoint;
    served.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(served.listener, (struct sockaddr *)&at, len) < 0 || listen(served.listener, 8) < 0 ||
        getsockname(served.listener, (struct sockaddr *)&at, &len) < 0 ||
        pthread_create(&thread, NULL, served_thread, NULL) != 0)
        abort();
    pthread_detach(thread);
    snprintf(endpoint, sizeof endpoint, "127.0.0.1:%u", ntohs(at.sin_port));
    return endpoint;
}

/* Ask the table TYPE:NAME for KEY, in this thread; DATA answers. The value goes to RET_VALUE. */
static enum map_status served_find(const char *type, const char *name, const char *key,
                                   const uint8_t *data, size_t size, struct strbuf *ret_value)
{
    struct err err = ERR_INIT;
    pthread_mutex_lock(&served.lock);
    served.size = MIN(size, sizeof served.data);
    if (served.size > 0)
        memcpy(served.data, data, served.size);
    pthread_mutex_unlock(&served.lock);
    const struct map_driver *driver = map_driver_find(slice_of(type), &err);
    struct map *map = driver ? driver->open(name, MAP_READ, &err) : NULL;
    if (!map)
        abort();
    enum map_status status = map->find(map, key, ret_value, &err);
    if ((status == MAP_FAILED) != (err.kind != ERR_NONE))
        abort(); /* a failure has a reason, an answer none */
    if (strlen(ret_value->s) != ret_value->len)
        abort();
    map_close(map);
    return status;
}

#endif
