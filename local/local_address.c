/* An address out of an alias, .forward or :include:: completed, resolved, and delivered here or
 * sent on. */
#include "config/common_params.h"
#include "local/local_params.h"
#include "local/local_report.h"
#include "local/local_steps.h"
#include "log/log.h"
#include "mail/address.h"
#include "mail/resolve.h"
#include "mail/rewrite.h"
#include "service/service.h"

#include <string.h>

/* Opened when first needed: plain mailbox delivery never does. */
static struct resolver *resolver;
static struct config *config;

bool local_address_start(struct config *cfg, struct err *err)
{
    (void)err;
    config = cfg;
    return true;
}

bool local_address_has_changed(void)
{
    return resolver && resolver_has_changed(resolver);
}

static bool resolve(struct local_delivery *d, const struct local_context *ctx, const char *address,
                    struct resolve_reply *ret, struct err *err)
{
    const char *sender = ctx->owner ? ctx->owner : d->job->envelope->sender;
    if (!resolver)
        resolver = resolver_new(config, err);
    return resolver &&
           resolve_address(resolver, RESOLVE_DELIVER, sender, address, d->arena, ret, err);
}

static bool propagates(const struct local_context *ctx)
{
    static const char *const words[] = {
        [LOCAL_SOURCE_ALIAS] = "alias",
        [LOCAL_SOURCE_FORWARD] = "forward",
        [LOCAL_SOURCE_INCLUDE] = "include",
    };
    return ctx->extension && ctx->source != LOCAL_SOURCE_NONE &&
           local_list_has(common_params.propagate_unmatched_extensions, words[ctx->source]);
}

/* user@domain to user+extension@domain */
static void add_extension(struct slice address, const struct local_context *ctx, struct strbuf *out)
{
    size_t at = slice_rfind(address, '@');
    struct slice local = at == SIZE_MAX ? address : slice_first(address, at);
    strbuf_add_slice(out, local);
    strbuf_addf(out, "%s%s", ctx->delimiter, ctx->extension);
    strbuf_add_slice(out, slice_from(address, local.len));
}

void local_address(struct local_delivery *d, const struct local_context *ctx, const char *text)
{
    CLEANUP(strbuf_done) struct strbuf raw = STRBUF_ANY;
    CLEANUP(strbuf_done) struct strbuf full = STRBUF_ANY;
    struct rewrite_rules rules = rewrite_rules_from_params();
    struct resolve_reply reply;
    struct err err = ERR_INIT;
    bool is_mailbox_only = text[0] == '\\';
    struct slice plain = slice_from(slice_of(text), is_mailbox_only);
    if (propagates(ctx) && !is_mailbox_only)
        add_extension(plain, ctx, &raw);
    else
        strbuf_add_slice(&raw, plain);
    rewrite_address(&rules, REWRITE_LOCAL, strbuf_slice(&raw), &full);
    if (!resolve(d, ctx, full.s, &reply, &err)) {
        log_warn(&d->job->log, "%s: %s", full.s, err.reason);
        local_failed(d, ctx, "4.3.0", "address resolver failure");
        return;
    }
    if (reply.flags & RESOLVE_BAD_ADDRESS) {
        local_failed(d, ctx, "5.1.3", "bad recipient address syntax: %s", full.s);
        return;
    }
    if (strcmp(reply.transport, service_instance()) != 0) {
        local_indirect(d, ctx, reply.recipient);
        return;
    }
    const char *name =
        is_mailbox_only ? arena_printf(d->arena, "\\%s", reply.recipient) : reply.recipient;
    d->is_expanded = true; /* luser_relay comes here without an expansion before */
    local_recipient(d, local_context_new(d, ctx, name), NULL);
}
