/*
 * map_hosts: the servers of one SQL table, any of which will do. Kept connections come first, then
 * unix-domain sockets, then the rest, in random order. One that fails is left alone for
 * retry_interval; a connection unused for idle_interval is closed.
 */
#ifndef MAP_MAP_HOSTS_H
#define MAP_MAP_HOSTS_H

#include "io/deadline.h"
#include "map/map_outage.h"

struct map_host {
    char *name;   /* as the settings have it: "inet:db.example.com:3306", "unix:/path", "db" */
    void *handle; /* the driver's connection, or NULL */
    int64_t used_ms;
    bool was_tried; /* for this look-up */
    struct map_outage outage;
};

enum map_host_result {
    MAP_HOST_ANSWERED,
    MAP_HOST_REFUSED, /* the query failed; the server is well, another would say the same */
    MAP_HOST_CUT,     /* the same, in the middle of its answer: the connection is to be closed */
    MAP_HOST_LOST,    /* the connection is of no use any more */
};

/* CTX is that of map_hosts_ask(). DEADLINE is that of the look-up. */
struct map_hosts_ops {
    /* Sets host->handle; false: no connection. */
    bool (*connect)(void *ctx, struct map_host *host, struct deadline deadline, struct err *err);
    enum map_host_result (*query)(void *ctx, struct map_host *host, struct deadline deadline,
                                  struct err *err);
    void (*disconnect)(void *handle);
};

struct map_hosts {
    struct map *map; /* it gets the warnings */
    const struct map_hosts_ops *ops;
    const char *what; /* "pgsql" */
    struct map_host *at;
    size_t count;
    int64_t idle_ms, retry_ms;
};

/* LIST: names separated by blanks or commas; empty: localhost. */
void map_hosts_init(struct map_hosts *hosts, struct map *map, const char *what,
                    const struct map_hosts_ops *ops, const char *list);
void map_hosts_done(struct map_hosts *hosts);
/* Have the query answered by some server, within map_options' remote_timeout_ms. */
bool map_hosts_ask(struct map_hosts *hosts, void *ctx, struct err *err);
/* For map.tidy. */
bool map_hosts_tidy(struct map_hosts *hosts);

/* NAME without "inet:", cut into host and port (0 when there is none); "unix:/path" gives "/path"
 * and no port. HOST is memory of the caller's to free. */
void map_hosts_split(const char *name, char **ret_host, uint16_t *ret_port);

#endif
