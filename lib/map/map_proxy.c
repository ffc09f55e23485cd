#include "map/map_proxy.h"

#include "base/xmem.h"
#include "io/fd.h"
#include "io/sock.h"
#include "ipc/chan.h"
#include "map/map_outage.h"
#include "map/proxy_msg.h"

#include <poll.h>
#include <pthread.h>
#include <unistd.h>

enum {
    /* proxymap has its own limit for a look-up; this is for one that does not answer at all */
    MARGIN_MS = 5 * 1000,
    FLAGS = MAP_FOLD | MAP_FOLD_PATTERN | MAP_UTF8 | MAP_NO_GROUPS,
    IDLE_MAX = 8,
};

#define MSG_SELF proxy_ask
MSG_DEFINE(proxy_ask, PROXY_ASK_FIELDS)
#undef MSG_SELF
#define MSG_SELF proxy_answer
MSG_DEFINE(proxy_answer, PROXY_ANSWER_FIELDS)
#undef MSG_SELF

struct map_proxy {
    struct map map;
    char *table;
    const char *path; /* of proxymap's or proxywrite's socket */
    struct map_outage outage;
};

/* --- connections ---------------------------------------------------------------------------- */

/* Connections that nobody uses at the moment, for all proxied tables of the process. There is more
 * than one only after tables were asked at the same time (map_guard). */
struct connection {
    int fd;
    const char *path;
};

static struct connection idle[IDLE_MAX];
static size_t idle_count;
static pthread_mutex_t idle_lock = PTHREAD_MUTEX_INITIALIZER;

static int take_idle(const char *path)
{
    int fd = -1;
    pthread_mutex_lock(&idle_lock);
    for (size_t i = idle_count; fd < 0 && i-- > 0;) {
        if (strcmp(idle[i].path, path) == 0) {
            fd = idle[i].fd;
            idle[i] = idle[--idle_count];
        }
    }
    pthread_mutex_unlock(&idle_lock);
    return fd;
}

static void keep_idle(int fd, const char *path)
{
    pthread_mutex_lock(&idle_lock);
    if (idle_count < IDLE_MAX) {
        idle[idle_count++] = (struct connection){fd, path};
        fd = -1;
    }
    pthread_mutex_unlock(&idle_lock);
    fd_done(&fd);
}

/* --- questions ------------------------------------------------------------------------------ */

static bool exchange(int fd, enum proxy_kind kind, const struct proxy_ask *question,
                     struct strbuf *in, struct slice *ret_body, struct err *err)
{
    uint16_t got;
    int64_t limit_ms = map_get_options()->remote_timeout_ms + MARGIN_MS;
    return chan_send_blocking(fd, (uint16_t)kind, &proxy_ask_type, question, limit_ms, err) &&
           chan_recv_blocking(fd, limit_ms, in, &got, ret_body, err) &&
           (got == PROXY_ANSWER || err_set(err, ERR_TEMP, "unexpected answer"));
}

/* One question, one answer. An old connection may have lost its process: then once more. That can
 * make an update happen twice, which is as good as once. */
static bool ask(const struct map_proxy *proxy, enum proxy_kind kind,
                const struct proxy_ask *question, struct strbuf *in, struct slice *ret_body,
                struct err *err)
{
    CLEANUP(fd_done) int fd = take_idle(proxy->path);
    struct pollfd gone = {.fd = fd, .events = POLLIN}; /* closed, or bytes nobody asked for */
    if (fd >= 0 && (poll(&gone, 1, 0) != 0 || !exchange(fd, kind, question, in, ret_body, err)))
        fd_done(&fd);
    if (fd < 0) {
        fd = sock_connect_unix(proxy->path, map_get_options()->remote_timeout_ms, err);
        if (fd < 0 || !exchange(fd, kind, question, in, ret_body, err))
            return false;
    }
    keep_idle(fd_take(&fd), proxy->path);
    return true;
}

static enum map_status failed(struct map_proxy *proxy, struct err *why, struct err *err)
{
    err_prefix(why, proxy->path);
    map_outage_begin(&proxy->outage, 0, why);
    if (err)
        *err = *why;
    return MAP_FAILED;
}

static enum map_status proxy_do(struct map *map, enum proxy_kind kind, const char *key,
                                const char *value, struct strbuf *ret_key, struct strbuf *ret_value,
                                struct err *err)
{
    struct map_proxy *proxy = CONTAINER_OF(map, struct map_proxy, map);
    const struct proxy_ask question = {
        .table = proxy->table, .flags = map->flags & FLAGS, .key = key, .value = value};
    CLEANUP(strbuf_done) struct strbuf in = STRBUF_ANY;
    CLEANUP(arena_free_ptr) struct arena *arena = arena_new("map_proxy");
    struct proxy_answer answer;
    struct slice body;
    struct err why = ERR_INIT;
    if (map_outage_holds(&proxy->outage, err))
        return MAP_FAILED;
    if (!ask(proxy, kind, &question, &in, &body, &why) ||
        !msg_decode(&proxy_answer_type, body, arena, &answer, &why))
        return failed(proxy, &why, err);
    map_outage_end(&proxy->outage);
    if (answer.status == MAP_NOT_FOUND)
        return MAP_NOT_FOUND;
    if (answer.status != MAP_FOUND) {
        err_set(err, ERR_TEMP, "%s", answer.reason);
        if (err)
            err->is_repeated = answer.repeated;
        return MAP_FAILED;
    }
    if (ret_key)
        strbuf_set(ret_key, answer.key);
    if (ret_value)
        strbuf_set(ret_value, answer.value);
    return MAP_FOUND;
}

/* --- the table ------------------------------------------------------------------------------ */

static enum map_status proxy_find(struct map *map, const char *key, struct strbuf *value,
                                  struct err *err)
{
    return proxy_do(map, PROXY_FIND, key, "", NULL, value, err);
}

static bool proxy_put(struct map *map, const char *key, const char *value, struct err *err)
{
    return proxy_do(map, PROXY_PUT, key, value, NULL, NULL, err) == MAP_FOUND;
}

static enum map_status proxy_remove(struct map *map, const char *key, struct err *err)
{
    return proxy_do(map, PROXY_REMOVE, key, "", NULL, NULL, err);
}

static enum map_status proxy_next(struct map *map, bool first, struct strbuf *key,
                                  struct strbuf *value, struct err *err)
{
    return proxy_do(map, first ? PROXY_FIRST : PROXY_NEXT, "", "", key, value, err);
}

static void proxy_close(struct map *map)
{
    free(CONTAINER_OF(map, struct map_proxy, map)->table);
}

struct map *map_proxy_open(const char *name, enum map_flags flags, struct err *err)
{
    struct slice type, rest;
    const struct map_driver *driver = NULL;
    if (slice_split(slice_of(name), ':', &type, &rest))
        driver = map_driver_find(type, err);
    else
        err_set(err, ERR_CONFIG, "unsupported dictionary type: %s", name);
    if (!driver)
        return NULL;
    if (flags & MAP_REBUILD) {
        err_set(err, ERR_CONFIG, "proxy:%s: a table cannot be rebuilt through proxymap", name);
        return NULL;
    }
    struct map_proxy *proxy = map_alloc(sizeof *proxy);
    proxy->table = xstrdup(name);
    proxy->path =
        flags & MAP_WRITE ? map_get_options()->proxy_write_path : map_get_options()->proxy_path;
    proxy->map.driver = driver;
    proxy->map.is_pattern = driver->is_pattern;
    proxy->map.find = proxy_find;
    proxy->map.next = proxy_next;
    proxy->map.close = proxy_close;
    if (flags & MAP_WRITE) {
        proxy->map.put = proxy_put;
        proxy->map.remove = proxy_remove;
    }
    return &proxy->map;
}
