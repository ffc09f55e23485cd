/* mailbox_transport and fallback_transport: another delivery program takes the recipient. */
#include "config/common_params.h"
#include "delivery/delivery_pass.h"
#include "local/local_params.h"
#include "local/local_report.h"
#include "local/local_steps.h"
#include "log/log.h"
#include "map/maps.h"

#include <string.h>

static struct maps *mailbox_maps, *fallback_maps;

bool local_transport_start(struct err *err)
{
    (void)err;
    mailbox_maps = maps_open("mailbox_transport_maps", local_params.mailbox_transport_maps,
                             MAP_READ | MAP_FOLD | MAP_NO_GROUPS);
    fallback_maps = maps_open("fallback_transport_maps", local_params.fallback_transport_maps,
                              MAP_READ | MAP_FOLD | MAP_NO_GROUPS);
    return true;
}

bool local_transport_has_changed(void)
{
    return maps_have_changed(mailbox_maps) || maps_have_changed(fallback_maps);
}

/* The answer may be long in coming: the program on the other side has time limits of its own. */
static void pass(struct local_delivery *d, const struct local_context *ctx, struct slice where)
{
    struct slice transport = where, nexthop = SLICE_EMPTY;
    struct err err = ERR_INIT;
    slice_split(where, ':', &transport, &nexthop);
    const char *name = arena_slice_dup(d->arena, transport);
    const char *hop = nexthop.len > 0  ? arena_slice_dup(d->arena, nexthop)
                      : ctx->domain[0] ? ctx->domain
                                       : common_params.myhostname;
    struct recipient part = *d->rcpt;
    part.address = ctx->address;
    if (ctx->is_list)
        part.orig_address = part.dsn_orcpt = "";
    log_info(&d->job->log, "passing <%s> to transport=%s", ctx->address, name);
    if (strchr(name, '/') || !name[0]) {
        local_failed(d, ctx, "4.3.5", "bad transport name \"%s\"", name);
        return;
    }
    struct recipient *rcpt = d->is_expanded ? &part : d->rcpt;
    log_flush(); /* our lines come before the other program's */
    if (!delivery_pass(d->job, rcpt, name, hop, common_params.daemon_timeout * 1000, &err)) {
        log_warn(&d->job->log, "%s", err.reason);
        local_failed(d, ctx, "4.3.0", "mail transport unavailable");
        return;
    }
    d->is_settled = true;
}

static bool by_table(struct local_delivery *d, const struct local_context *ctx, struct maps *maps,
                     const char *otherwise)
{
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
    struct err err = ERR_INIT;
    enum map_status status = MAP_NOT_FOUND;
    if (!maps_is_empty(maps))
        status = maps_find(maps, ctx->name, MAPS_WHOLE_KEY, &value, &err);
    if (status == MAP_FAILED) {
        if (!err.is_repeated)
            log_warn(&d->job->log, "%s", err.reason);
        local_failed(d, ctx, "4.3.0", "%s lookup failure", maps_title(maps));
        return true;
    }
    if (status == MAP_NOT_FOUND && !*otherwise)
        return false;
    pass(d, ctx, status == MAP_FOUND ? strbuf_slice(&value) : slice_of(otherwise));
    return true;
}

bool local_transport_mailbox(struct local_delivery *d, const struct local_context *ctx)
{
    return by_table(d, ctx, mailbox_maps, local_params.mailbox_transport);
}

bool local_transport_fallback(struct local_delivery *d, const struct local_context *ctx)
{
    return by_table(d, ctx, fallback_maps, local_params.fallback_transport);
}
