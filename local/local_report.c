#include "local/local_report.h"

#include <stdarg.h>
#include <string.h>

static void settle(struct local_delivery *d, const struct local_context *ctx,
                   struct delivery_outcome *o, int64_t notify)
{
    struct recipient part = *d->rcpt;
    struct recipient *rcpt = d->rcpt;
    o->relay = service_instance();
    if (d->is_expanded) {
        part.address = ctx->address;
        part.dsn_notify = notify;
        if (ctx->is_list) /* a list's members are not the business of who wrote to it */
            part.orig_address = part.dsn_orcpt = "";
        rcpt = &part;
    }
    d->is_settled = true;
    if (o->dsn[0] == '2')
        delivery_sent(d->job, rcpt, o);
    else if (o->dsn[0] == '5')
        delivery_bounced(d->job, rcpt, o);
    else
        delivery_deferred(d->job, rcpt, o);
}

static void report(struct local_delivery *d, const struct local_context *ctx, const char *dsn,
                   const char *action, int64_t notify, const char *fmt, va_list ap)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_INIT((size_t)64 * 1024);
    strbuf_vaddf(&text, fmt, ap);
    struct delivery_outcome o = {.dsn = dsn, .text = text.s, .action = action};
    settle(d, ctx, &o, notify);
}

void local_sent(struct local_delivery *d, const struct local_context *ctx, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    report(d, ctx, "2.0.0", NULL, d->rcpt->dsn_notify, fmt, ap);
    va_end(ap);
}

void local_failed(struct local_delivery *d, const struct local_context *ctx, const char *dsn,
                  const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    report(d, ctx, dsn, NULL, d->rcpt->dsn_notify, fmt, ap);
    va_end(ap);
}

void local_forwarded(struct local_delivery *d, bool notify_goes_along, const char *fmt, ...)
{
    int64_t notify = d->rcpt->dsn_notify;
    if (notify_goes_along) /* the next hop sends the success notice (RFC 3461, section 5.2.7) */
        notify = notify == DSN_NOTIFY_SUCCESS ? DSN_NOTIFY_NEVER : notify & ~DSN_NOTIFY_SUCCESS;
    va_list ap;
    va_start(ap, fmt);
    report(d, d->top, "2.0.0", "relayed", notify, fmt, ap);
    va_end(ap);
}
