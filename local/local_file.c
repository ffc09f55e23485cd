/* /file/name destinations. */
#include "config/common_params.h"
#include "delivery/mailbox_maildir.h"
#include "delivery/mailbox_mbox.h"
#include "local/local_params.h"
#include "local/local_report.h"
#include "local/local_steps.h"
#include "local/local_user.h"
#include "log/log.h"

static bool is_allowed(const struct local_context *ctx)
{
    static const char *const words[] = {[LOCAL_SOURCE_NONE] = "",
                                        [LOCAL_SOURCE_ALIAS] = "alias",
                                        [LOCAL_SOURCE_FORWARD] = "forward",
                                        [LOCAL_SOURCE_INCLUDE] = "include"};
    return local_list_has(local_params.allow_mail_to_files, words[ctx->source]);
}

static void deliver_maildir(struct local_delivery *d, const struct local_context *ctx,
                            const char *path, const struct user_rights *rights)
{
    struct mailbox_trouble t;
    struct mailbox_message m = local_message(d, ctx, "file");
    const struct mailbox_maildir maildir = {.path = path,
                                            .rights = *rights,
                                            .size_limit = local_params.mailbox_size_limit,
                                            .default_dsn = "5.2.0"};
    bool ok = mailbox_maildir_deliver(&maildir, &m, &t);
    if (t.warning[0])
        log_warn(NULL, "%s", t.warning);
    if (ok)
        local_sent(d, ctx, "delivered to maildir");
    else
        local_failed(d, ctx, t.dsn, "maildir delivery failed: %s", t.reason);
}

static void deliver_mbox(struct local_delivery *d, const struct local_context *ctx,
                         const char *path, const struct user_rights *rights)
{
    struct mailbox_trouble t;
    struct mailbox_message m = local_message(d, ctx, "file");
    const struct mailbox_mbox mbox = {
        .path = path,
        .rights = *rights,
        .may_be_special = true,
        .lock = local_lock_policy(),
        .size_limit = local_params.mailbox_size_limit,
        .default_dsn = "5.2.0",
    };
    bool ok = mailbox_mbox_deliver(&mbox, &m, &t);
    if (t.warning[0])
        log_warn(NULL, "%s", t.warning);
    if (ok)
        local_sent(d, ctx, "delivered to file: %s", path);
    else
        local_failed(d, ctx, t.dsn, "cannot append message to file %s: %s", path, t.reason);
}

void local_file(struct local_delivery *d, const struct local_context *ctx, const char *path)
{
    if (!is_allowed(ctx)) {
        local_failed(d, ctx, "5.7.1", "mail to file is restricted");
        return;
    }
    const struct user_rights *rights = ctx->rights;
    if (!rights || (rights->uid == 0 && !ctx->user))
        rights = local_user_default_rights();
    if (local_seen_before(d, "file", path))
        return;
    if (local_is_trace_only(d)) {
        local_sent(d, ctx, "delivers to file: %s", path);
        return;
    }
    if (slice_ends(slice_of(path), "/"))
        deliver_maildir(d, ctx, path, rights);
    else
        deliver_mbox(d, ctx, path, rights);
}
