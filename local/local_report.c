#include "local/local_report.h"

#include "local/local_params.h"
#include "log/log.h"
#include "map/maps.h"

#include <stdarg.h>
#include <string.h>

static struct maps *filter;

bool local_report_start(void)
{
    filter = maps_open("local_delivery_status_filter", local_params.local_delivery_status_filter,
                       MAP_READ);
    return true;
}

bool local_report_has_changed(void)
{
    return maps_have_changed(filter);
}

/* delivery_status_filter: "5.1.1 text" to "4.1.1 other text". Success stays success, failure stays
 * failure: only the class 4 or 5 may be exchanged. */
static void filter_apply(struct local_delivery *d, struct delivery_outcome *o)
{
    if (maps_is_empty(filter))
        return;
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
    struct err err = ERR_INIT;
    const char *key = arena_printf(d->arena, "%s %s", o->dsn, o->text);
    enum map_status status = maps_find(filter, key, MAPS_WHOLE_KEY, &value, &err);
    struct slice dsn, text;
    if (status == MAP_FAILED && !err.is_repeated)
        log_warn(&d->job->log, "%s", err.reason);
    if (status != MAP_FOUND)
        return;
    if (!delivery_split_dsn(strbuf_slice(&value), &dsn, &text) ||
        (dsn.s[0] == '2') != (o->dsn[0] == '2')) {
        log_warn(&d->job->log,
                 "local_delivery_status_filter: ignoring bad result \"%s\" for \"%s\"", value.s,
                 key);
        return;
    }
    o->dsn = arena_slice_dup(d->arena, dsn);
    o->text = arena_slice_dup(d->arena, text);
}

static void settle(struct local_delivery *d, const struct local_context *ctx,
                   struct delivery_outcome *o, int64_t notify)
{
    struct recipient part = *d->rcpt;
    struct recipient *rcpt = d->rcpt;
    o->relay = service_instance();
    filter_apply(d, o);
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
                   int64_t notify, const char *fmt, va_list ap)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_INIT((size_t)64 * 1024);
    strbuf_vaddf(&text, fmt, ap);
    struct delivery_outcome o = {.dsn = dsn, .text = text.s};
    settle(d, ctx, &o, notify);
}

void local_sent(struct local_delivery *d, const struct local_context *ctx, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    report(d, ctx, "2.0.0", d->rcpt->dsn_notify, fmt, ap);
    va_end(ap);
}

void local_failed(struct local_delivery *d, const struct local_context *ctx, const char *dsn,
                  const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    report(d, ctx, dsn, d->rcpt->dsn_notify, fmt, ap);
    va_end(ap);
}

void local_forwarded(struct local_delivery *d, bool notify_goes_along, const char *fmt, ...)
{
    int64_t notify = d->rcpt->dsn_notify;
    if (notify_goes_along) /* the next hop sends the success notice (RFC 3461, section 5.2.7) */
        notify = notify == DSN_NOTIFY_SUCCESS ? DSN_NOTIFY_NEVER : notify & ~DSN_NOTIFY_SUCCESS;
    va_list ap;
    va_start(ap, fmt);
    report(d, d->top, "2.0.0", notify, fmt, ap);
    va_end(ap);
}
