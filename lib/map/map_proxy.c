#include "map/map_proxy.h"

#include "base/xmem.h"
#include "io/fd.h"
#include "io/sock.h"
#include "ipc/chan.h"
#include "map/proxy_msg.h"

#include <unistd.h>

enum {
    TIMEOUT_MS = 30 * 1000, /* proxymap is a process of ours that only reads tables */
    LOOKUP_FLAGS = MAP_FOLD | MAP_FOLD_PATTERN | MAP_UTF8,
};

#define MSG_SELF proxy_find
MSG_DEFINE(proxy_find, PROXY_FIND_FIELDS)
#undef MSG_SELF
#define MSG_SELF proxy_answer
MSG_DEFINE(proxy_answer, PROXY_ANSWER_FIELDS)
#undef MSG_SELF

/* one connection for all proxied tables of the process */
static int proxy_fd = -1;

struct map_proxy {
    struct map map;
    char *table;
};

/* One question, one answer. A failure leaves no connection behind. */
static bool ask(const struct proxy_find *question, struct strbuf *in, struct slice *ret_body,
                struct err *err)
{
    uint16_t kind;
    if (proxy_fd < 0)
        proxy_fd = sock_connect_unix(map_get_options()->proxy_path, TIMEOUT_MS, err);
    if (proxy_fd < 0)
        return false;
    if (chan_send_blocking(proxy_fd, PROXY_FIND, &proxy_find_type, question, TIMEOUT_MS, err) &&
        chan_recv_blocking(proxy_fd, TIMEOUT_MS, in, &kind, ret_body, err)) {
        if (kind == PROXY_ANSWER)
            return true;
        err_set(err, ERR_TEMP, "unexpected answer");
    }
    fd_done(&proxy_fd);
    return false;
}

static enum map_status proxy_find(struct map *map, const char *key, struct strbuf *value,
                                  struct err *err)
{
    const struct proxy_find question = {.table = CONTAINER_OF(map, struct map_proxy, map)->table,
                                        .flags = map->flags & LOOKUP_FLAGS,
                                        .key = key};
    CLEANUP(strbuf_done) struct strbuf in = STRBUF_ANY;
    CLEANUP(arena_free_ptr) struct arena *arena = arena_new("map_proxy");
    struct proxy_answer answer;
    struct slice body;
    bool was_open = proxy_fd >= 0; /* an old connection may have lost its process: once more */
    if (!(ask(&question, &in, &body, err) || (was_open && ask(&question, &in, &body, err))) ||
        !msg_decode(&proxy_answer_type, body, arena, &answer, err)) {
        err_prefix(err, map_get_options()->proxy_path);
        return MAP_FAILED;
    }
    if (answer.status == MAP_FOUND)
        strbuf_add_str(value, answer.value);
    else if (answer.status != MAP_NOT_FOUND)
        err_set(err, ERR_TEMP, "%s", answer.reason);
    return answer.status == MAP_FOUND || answer.status == MAP_NOT_FOUND
               ? (enum map_status)answer.status
               : MAP_FAILED;
}

static void proxy_close(struct map *map)
{
    free(CONTAINER_OF(map, struct map_proxy, map)->table);
}

struct map *map_proxy_open(const char *name, enum map_flags flags, struct err *err)
{
    struct slice type, rest;
    if (!slice_split(slice_of(name), ':', &type, &rest)) {
        err_set(err, ERR_CONFIG, "unsupported dictionary type: %s", name);
        return NULL;
    }
    const struct map_driver *driver = map_driver_find(type, err);
    if (!driver)
        return NULL;
    if (flags & (MAP_WRITE | MAP_REBUILD)) {
        err_set(err, ERR_CONFIG, "proxy:%s: updates are not built", name);
        return NULL;
    }
    struct map_proxy *proxy = map_alloc(sizeof *proxy);
    proxy->table = xstrdup(name);
    proxy->map.driver = driver;
    proxy->map.is_pattern = driver->is_pattern;
    proxy->map.find = proxy_find;
    proxy->map.close = proxy_close;
    return &proxy->map;
}
