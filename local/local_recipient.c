/*
 * The order of steps for a local recipient: aliases, .forward, mailbox_transport, the mailbox of
 * the user, and what is done about unknown users.
 */
#include "local/local_report.h"
#include "local/local_steps.h"
#include "local/local_params.h"
#include "local/local_user.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

/* "When an address is found in its own alias expansion, delivery is made to the user instead." */
static bool is_own_alias(const struct local_context *ctx)
{
    return ctx->source == LOCAL_SOURCE_ALIAS && ctx->source_name &&
           (strcmp(ctx->source_name, ctx->whole_name) == 0 ||
            strcmp(ctx->source_name, ctx->name) == 0);
}

/* A user who lists himself in his .forward file means the mailbox. */
static bool is_own_forward(const struct local_context *ctx)
{
    return ctx->forward_user && strcmp(ctx->forward_user, ctx->name) == 0;
}

static bool home_is_there(struct local_delivery *d, const struct local_context *ctx,
                          const struct local_user *user)
{
    struct err err = ERR_INIT;
    struct stat st;
    if (!local_params.require_home_directory)
        return true;
    if (!user_rights_take(&user->rights, &err)) {
        local_failed(d, ctx, "4.3.0", "%s", err.reason);
        return false;
    }
    bool ok = stat(user->home, &st) == 0;
    user_rights_return();
    if (!ok)
        local_failed(d, ctx, "4.3.0", "cannot access home directory %s: %s", user->home,
                     strerror(errno));
    return ok;
}

void local_recipient_user(struct local_delivery *d, const struct local_context *ctx,
                          const char *text)
{
    (void)text;
    struct err err = ERR_INIT;
    struct local_user *user = NULL;
    if (local_user_find(d->arena, ctx->name, &user, &err) == LOCAL_USER_FAILED) {
        local_failed(d, ctx, "4.3.0", "%s", err.reason);
        return;
    }
    if (user && !home_is_there(d, ctx, user))
        return;
    bool may_forward = user && !ctx->mailbox_only && !is_own_forward(ctx);
    if (may_forward && local_forward(d, ctx, user))
        return;
    if (local_transport_mailbox(d, ctx))
        return;
    if (user)
        local_mailbox(d, ctx, user);
    else
        local_unknown(d, ctx);
}

/* What an owner- alias, a :include: or a .forward file lists goes out as a new message, so that
 * each recipient has a status of its own and is not delivered again because another one was
 * deferred. */
static bool must_go_indirect(const struct local_context *ctx)
{
    return ctx->is_indirect && !is_own_forward(ctx) && !ctx->mailbox_only;
}

void local_recipient(struct local_delivery *d, const struct local_context *ctx, const char *text)
{
    if (ctx->level > LOCAL_LEVEL_MAX) {
        local_failed(d, ctx, "5.4.6", "mail forwarding loop for %s", ctx->address);
        return;
    }
    bool is_direct = ctx->mailbox_only || is_own_alias(ctx) || is_own_forward(ctx);
    if (!is_direct && local_alias_loop(d, ctx))
        return;
    if (local_seen_before(d, is_direct ? "user" : "recipient", ctx->address))
        return;
    if (local_loop_found(d, ctx))
        return;
    if (!is_direct && local_alias(d, ctx))
        return;
    if (must_go_indirect(ctx))
        local_indirect(d, ctx, ctx->address);
    else
        local_recipient_user(d, ctx, text);
}
