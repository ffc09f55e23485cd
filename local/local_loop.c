/* Mail that has been here before is not delivered again. */
#include "base/argv.h"
#include "delivery/delivered_to.h"
#include "local/local_report.h"
#include "local/local_steps.h"

bool local_loop_found(struct local_delivery *d, const struct local_context *ctx)
{
    struct err err = ERR_INIT;
    if (!d->loop_headers) {
        d->loop_headers = arena_zalloc(d->arena, sizeof *d->loop_headers);
        if (!delivered_to_collect(d->job->fd, d->job->envelope->data_offset, d->loop_headers,
                                  &err)) {
            local_failed(d, ctx, "4.3.0", "cannot read queue file: %s", err.reason);
            return true;
        }
    }
    if (!delivered_to_has(d->loop_headers, ctx->address))
        return false;
    local_failed(d, ctx, "5.4.6", "mail forwarding loop for %s", ctx->address);
    return true;
}
