/* map_hosts: see the header. */
#include "map/map_hosts.h"

#include "base/num.h"
#include "base/xmem.h"

#include <sys/random.h>

static void add_host(struct map_hosts *hosts, struct slice name)
{
    hosts->at = xrealloc_array(hosts->at, hosts->count + 1, sizeof *hosts->at);
    hosts->at[hosts->count++] = (struct map_host){.name = slice_dup(name)};
}

void map_hosts_init(struct map_hosts *hosts, struct map *map, const char *what,
                    const struct map_hosts_ops *ops, const char *list)
{
    *hosts = (struct map_hosts){.map = map, .what = what, .ops = ops};
    struct slice in = slice_of(list), item;
    while (slice_next_item(&in, &item))
        add_host(hosts, item);
    if (hosts->count == 0)
        add_host(hosts, slice_of("localhost"));
}

static void disconnect(struct map_hosts *hosts, struct map_host *host)
{
    if (host->handle)
        hosts->ops->disconnect(host->handle);
    host->handle = NULL;
}

void map_hosts_done(struct map_hosts *hosts)
{
    for (size_t i = 0; i < hosts->count; i++) {
        disconnect(hosts, &hosts->at[i]);
        free(hosts->at[i].name);
    }
    free(hosts->at);
    hosts->at = NULL;
    hosts->count = 0;
}

bool map_hosts_tidy(struct map_hosts *hosts)
{
    bool any = false;
    for (size_t i = 0; i < hosts->count; i++) {
        struct map_host *host = &hosts->at[i];
        if (host->handle && clock_now_ms() - host->used_ms >= hosts->idle_ms)
            disconnect(hosts, host);
        any |= host->handle != NULL;
    }
    return any;
}

/* 0: connected; 1: unix-domain socket; 2: any other */
static int rank_of(const struct map_host *host)
{
    if (host->handle)
        return 0;
    return slice_starts(slice_of(host->name), "unix:") ? 1 : 2;
}

/* The next to try: of the best rank, any; NULL with the reason of one that is out of service. */
static struct map_host *choose(struct map_hosts *hosts, struct err *err)
{
    struct map_host *best = NULL;
    uint32_t equals = 0;
    for (size_t i = 0; i < hosts->count; i++) {
        struct map_host *host = &hosts->at[i];
        if (host->was_tried || (!host->handle && map_outage_holds(&host->outage, err)))
            continue;
        if (best && rank_of(host) > rank_of(best))
            continue;
        equals = best && rank_of(host) == rank_of(best) ? equals + 1 : 1;
        uint32_t draw = 0;
        if (equals > 1 && getrandom(&draw, sizeof draw, 0) != sizeof draw)
            draw = 1;
        if (draw % equals == 0)
            best = host;
    }
    return best;
}

/* One server: connect if need be, ask, and once more if a kept connection turns out to be dead. */
static enum map_host_result try_host(struct map_hosts *hosts, struct map_host *host, void *ctx,
                                     struct deadline deadline, struct err *err)
{
    bool was_kept = host->handle != NULL;
    for (;;) {
        if (!host->handle && !hosts->ops->connect(ctx, host, deadline, err)) {
            CLEANUP(strbuf_done) struct strbuf where = STRBUF_INIT(300);
            strbuf_addf(&where, "connect to %s server %s", hosts->what, host->name);
            err_prefix(err, where.s);
            return MAP_HOST_LOST;
        }
        enum map_host_result result = hosts->ops->query(ctx, host, deadline, err);
        host->used_ms = clock_now_ms();
        if (result == MAP_HOST_ANSWERED || result == MAP_HOST_REFUSED)
            return result;
        disconnect(hosts, host);
        if (result == MAP_HOST_CUT || !was_kept || deadline_left_ms(deadline) == 0)
            return result;
        was_kept = false;
    }
}

/* Of several servers the others may answer: then nobody else would tell of this one. */
static void host_failed(struct map_hosts *hosts, struct map_host *host, struct err *why)
{
    map_outage_begin(&host->outage, hosts->retry_ms, why);
    if (hosts->count > 1 && !why->is_repeated)
        map_warn(hosts->map, "table %s: %s", hosts->map->name, why->reason);
}

bool map_hosts_ask(struct map_hosts *hosts, void *ctx, struct err *err)
{
    struct deadline deadline = deadline_in_ms(map_get_options()->remote_timeout_ms);
    struct map_host *host;
    map_hosts_tidy(hosts);
    for (size_t i = 0; i < hosts->count; i++)
        hosts->at[i].was_tried = false;
    while ((host = choose(hosts, err))) {
        struct err why = ERR_INIT;
        host->was_tried = true;
        enum map_host_result result = try_host(hosts, host, ctx, deadline, &why);
        if (result != MAP_HOST_LOST)
            map_outage_end(&host->outage);
        else
            host_failed(hosts, host, &why);
        if (result == MAP_HOST_ANSWERED)
            return true;
        if (err)
            *err = why;
        if (result != MAP_HOST_LOST || deadline_left_ms(deadline) == 0)
            return false;
    }
    return false;
}

void map_hosts_split(const char *name, char **ret_host, uint16_t *ret_port)
{
    struct slice text = slice_of(name), host, port;
    uint64_t number;
    *ret_port = 0;
    if (slice_starts(text, "unix:")) {
        *ret_host = slice_dup(slice_from(text, strlen("unix:")));
        return;
    }
    if (slice_starts(text, "inet:"))
        text = slice_from(text, strlen("inet:"));
    bool has_port = slice_rsplit(text, ':', &host, &port) && num_parse_u64(port, 10, &number) &&
                    number > 0 && number < 65536;
    /* an IPv6 address in brackets, or a bare one, whose last colon is no port's */
    if (has_port && slice_find(host, ':') != SIZE_MAX && !slice_ends(host, "]"))
        has_port = false;
    if (has_port) {
        *ret_port = (uint16_t)number;
        text = host;
    }
    if (slice_starts(text, "[") && slice_ends(text, "]"))
        text = slice_first(slice_from(text, 1), text.len - 2);
    *ret_host = slice_dup(text);
}
