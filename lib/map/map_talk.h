/*
 * map_talk: one question and one answer over a kept connection to a server of ours to name (tcp,
 * socketmap, memcache tables). A connection that turns out to be stale is made anew once; a server
 * that fails is left alone for a while (map_outage).
 */
#ifndef MAP_MAP_TALK_H
#define MAP_MAP_TALK_H

#include "io/talk.h"
#include "map/map_outage.h"

struct map_talk {
    char *endpoint; /* "inet:host:port", "unix:/path" */
    struct talk talk;
    struct map_outage outage;
    int64_t max_try;  /* how often a question is asked when the server fails to answer it; 1 */
    int64_t pause_ms; /* before it is asked again */
};

void map_talk_init(struct map_talk *t, struct slice endpoint);
void map_talk_done(struct map_talk *t);

/* Reads one answer; CTX is the caller's. False with ERR: the connection is of no use. */
typedef bool (*map_talk_reader)(void *ctx, struct talk *talk, struct deadline deadline,
                                struct err *err);
/* Send REQUEST and have the answer read within LIMIT_MS. A server that takes no connection, and one
 * that has failed max_try times, is left alone for a while. */
bool map_talk_ask(struct map_talk *t, struct slice request, map_talk_reader reader, void *ctx,
                  int64_t limit_ms, struct err *err);

#endif
