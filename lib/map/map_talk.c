/* map_talk: see the header. */
#include "map/map_talk.h"

#include "base/xmem.h"

#include <poll.h>

void map_talk_init(struct map_talk *t, struct slice endpoint)
{
    *t = (struct map_talk){.endpoint = slice_dup(endpoint), .max_try = 1};
    talk_init(&t->talk);
}

void map_talk_done(struct map_talk *t)
{
    talk_close(&t->talk);
    free(t->endpoint);
}

static bool ask_once(struct map_talk *t, struct slice request, map_talk_reader reader, void *ctx,
                     struct deadline deadline, struct err *err)
{
    if (talk_send(&t->talk, request, deadline, err) && reader(ctx, &t->talk, deadline, err))
        return true;
    talk_close(&t->talk);
    return false;
}

/* A kept connection that the server has closed meanwhile says nothing about the server. */
static bool ask_kept(struct map_talk *t, struct slice request, map_talk_reader reader, void *ctx,
                     int64_t limit_ms, bool *ret_is_late)
{
    struct deadline deadline = deadline_in_ms(limit_ms);
    bool ok = ask_once(t, request, reader, ctx, deadline, NULL);
    *ret_is_late = deadline_left_ms(deadline) == 0;
    return ok;
}

static bool ask_anew(struct map_talk *t, struct slice request, map_talk_reader reader, void *ctx,
                     int64_t limit_ms, struct err *err)
{
    for (int64_t tries = 1;; tries++) {
        struct deadline deadline = deadline_in_ms(limit_ms);
        if (!talk_open(&t->talk, t->endpoint, deadline, err))
            return false;
        if (ask_once(t, request, reader, ctx, deadline, err))
            return true;
        if (tries >= t->max_try)
            return false;
        poll(NULL, 0, (int)t->pause_ms);
    }
}

bool map_talk_ask(struct map_talk *t, struct slice request, map_talk_reader reader, void *ctx,
                  int64_t limit_ms, struct err *err)
{
    struct err why = ERR_INIT;
    bool is_late = false;
    if (talk_unread(&t->talk) > 0)
        talk_close(&t->talk); /* what came unasked must not pass for the next answer */
    if (talk_is_open(&t->talk)) {
        if (ask_kept(t, request, reader, ctx, limit_ms, &is_late))
            return true;
    } else if (map_outage_holds(&t->outage, err)) {
        return false;
    }
    if (is_late)
        err_set(&why, ERR_TEMP, "no answer from %s", t->endpoint);
    else if (ask_anew(t, request, reader, ctx, limit_ms, &why)) {
        map_outage_end(&t->outage);
        return true;
    }
    map_outage_begin(&t->outage, 0, &why);
    if (err)
        *err = why;
    return false;
}
