/*
 * PROGRAM_delivery_status_filter: a table that edits "CODE TEXT" of a recipient's outcome. It may
 * turn a bounce into a delay and back, but never failure into success.
 */
#include "config/common_params.h"
#include "delivery/delivery_internal.h"
#include "map/maps.h"

static struct maps *filter;

void delivery_filter_open(const struct config *cfg, const char *program)
{
    CLEANUP(strbuf_done) struct strbuf name = STRBUF_INIT(200), value = STRBUF_ANY;
    struct err err = ERR_INIT;
    strbuf_addf(&name, "%s_delivery_status_filter", program);
    if (!config_get_text(cfg, name.s, "$default_delivery_status_filter", &value, &err))
        log_fatal("%s", err.reason);
    if (value.len > 0)
        filter = maps_open(name.s, value.s, MAP_READ);
}

bool delivery_filter_is_stale(void)
{
    return filter && maps_have_changed(filter);
}

static bool same_kind(char from, char to)
{
    return (from == '2') == (to == '2');
}

void delivery_filter_apply(struct delivery_job *job, const char **dsn, const char **text)
{
    CLEANUP(strbuf_done) struct strbuf key = STRBUF_ANY, value = STRBUF_ANY;
    struct err err = ERR_INIT;
    struct slice new_dsn, new_text;
    if (maps_is_empty(filter))
        return;
    strbuf_addf(&key, "%s %s", *dsn, *text);
    switch (maps_find(filter, key.s, MAPS_WHOLE_KEY, &value, &err)) {
    case MAP_NOT_FOUND:
        return;
    case MAP_FAILED: /* the status was right without the filter, too */
        log_warn(&job->log, "%s", err.reason);
        return;
    case MAP_FOUND:
        break;
    }
    if (!delivery_split_dsn(strbuf_slice(&value), &new_dsn, &new_text) ||
        !same_kind((*dsn)[0], new_dsn.s[0])) {
        log_warn(NULL, "%s: bad status code: %s", maps_title(filter), value.s);
        return;
    }
    *dsn = arena_slice_dup(job->arena, new_dsn);
    if (new_text.len > 0) /* a code alone leaves the text */
        *text = arena_slice_dup(job->arena, new_text);
}
