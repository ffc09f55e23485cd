/* Recipients that are neither alias nor user: fallback_transport, luser_relay, the names every site
 * must have, and the bounce. */
#include "config/common_params.h"
#include "local/local_macros.h"
#include "local/local_params.h"
#include "local/local_report.h"
#include "local/local_steps.h"
#include "log/log.h"

#include <string.h>
#include <strings.h>

static bool relay(struct local_delivery *d, const struct local_context *ctx)
{
    CLEANUP(strbuf_done) struct strbuf to = STRBUF_ANY;
    struct err err = ERR_INIT;
    if (!local_params.luser_relay[0] || ctx->is_relayed)
        return false;
    if (!local_macros_expand(ctx, NULL, NULL, slice_of(local_params.luser_relay), &to, &err)) {
        log_warn(&d->job->log, "luser_relay: %s", err.reason);
        local_failed(d, ctx, "4.3.0", "luser_relay: %s", err.reason);
        return true;
    }
    struct local_context *from = arena_zalloc(d->arena, sizeof *from);
    *from = *ctx;
    from->source = LOCAL_SOURCE_NONE;
    from->source_name = NULL;
    from->is_relayed = true; /* once is enough */
    local_address(d, from, arena_strdup(d->arena, to.s));
    return true;
}

/* Mail to these must not bounce: it may be a bounce about a bounce. */
static bool discard_required(struct local_delivery *d, const struct local_context *ctx)
{
    static const char *const required[] = {"postmaster", "mailer-daemon"};
    for (size_t i = 0; i < COUNT_OF(required); i++) {
        if (strcmp(ctx->name, required[i]) != 0)
            continue;
        log_warn(NULL, "required alias not found: %s", required[i]);
        local_sent(d, ctx, "discarded");
        return true;
    }
    if (strcasecmp(ctx->local_part, common_params.double_bounce_sender) != 0)
        return false;
    log_warn(&d->job->log, "undeliverable postmaster notification discarded");
    local_sent(d, ctx, "undeliverable postmaster notification discarded");
    return true;
}

void local_unknown(struct local_delivery *d, const struct local_context *ctx)
{
    if (local_transport_fallback(d, ctx) || relay(d, ctx) || discard_required(d, ctx))
        return;
    local_failed(d, ctx, "5.1.1", "unknown user: \"%s\"", ctx->name);
}
