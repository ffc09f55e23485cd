/* The user's own mailbox: command, mbox or maildir, by mailbox_command(_maps), home_mailbox and
 * mail_spool_directory. */
#include "config/common_params.h"
#include "delivery/mailbox_lock.h"
#include "delivery/mailbox_maildir.h"
#include "delivery/mailbox_mbox.h"
#include "local/local_params.h"
#include "local/local_report.h"
#include "local/local_steps.h"
#include "log/log.h"
#include "map/maps.h"

static struct maps *command_maps;
static unsigned lock_kinds;

bool local_mailbox_start(struct err *err)
{
    command_maps = maps_open("mailbox_command_maps", local_params.mailbox_command_maps,
                             MAP_READ | MAP_NO_GROUPS | MAP_SENSITIVE);
    if (!mailbox_lock_parse(common_params.mailbox_delivery_lock, &lock_kinds, err))
        return err_prefix(err, "mailbox_delivery_lock");
    if (local_params.sun_mailtool_compatibility) /* it locks by file only */
        lock_kinds = MAILBOX_LOCK_DOTLOCK;
    return true;
}

bool local_mailbox_has_changed(void)
{
    return maps_have_changed(command_maps);
}

struct mailbox_lock_policy local_lock_policy(void)
{
    return (struct mailbox_lock_policy){
        .kinds = lock_kinds,
        .attempts = common_params.deliver_lock_attempts,
        .delay_ms = common_params.deliver_lock_delay * 1000,
        .stale_s = common_params.stale_lock_time,
    };
}

/* The mbox file, or the maildir with its final slash. */
static const char *mailbox_path(struct local_delivery *d, const struct local_user *user)
{
    if (local_params.home_mailbox[0])
        return arena_printf(d->arena, "%s/%s", user->home, local_params.home_mailbox);
    struct slice spool = slice_of(common_params.mail_spool_directory);
    bool is_maildir = spool.len > 0 && spool.s[spool.len - 1] == '/';
    return arena_printf(d->arena, "%.*s/%s%s", (int)(spool.len - is_maildir), spool.s, user->name,
                        is_maildir ? "/" : "");
}

static void deliver_maildir(struct local_delivery *d, const struct local_context *ctx,
                            const struct local_user *user, const char *path)
{
    struct mailbox_trouble t;
    struct mailbox_message m = local_message(d, ctx, "file");
    const struct mailbox_maildir maildir = {.path = path,
                                            .rights = user->rights,
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
                         const struct local_user *user, const char *path)
{
    struct mailbox_trouble t;
    struct mailbox_message m = local_message(d, ctx, "file");
    int64_t start = 0;
    const struct mailbox_mbox mbox = {
        .path = path,
        .rights = user->rights,
        .directory_is_roots =
            !local_params.home_mailbox[0] && mailbox_mbox_directory_is_roots(path),
        .must_have_lock_file = true,
        .must_be_owner = common_params.strict_mailbox_ownership,
        .lock = local_lock_policy(),
        .size_limit = local_params.mailbox_size_limit,
        .default_dsn = "5.2.0",
        .ret_start = &start,
    };
    bool ok = mailbox_mbox_deliver(&mbox, &m, &t);
    if (t.warning[0])
        log_warn(NULL, "%s", t.warning);
    if (!ok) {
        local_failed(d, ctx, t.dsn, "cannot update mailbox %s for user %s. %s", path, user->name,
                     t.reason);
        return;
    }
    local_sent(d, ctx, "delivered to mailbox");
    if (local_params.biff)
        local_biff(user->name, start);
}

/* The command of this user, or NULL; false: the table failed and the recipient is settled. */
static bool find_command(struct local_delivery *d, const struct local_context *ctx,
                         const struct local_user *user, const char **ret)
{
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
    struct err err = ERR_INIT;
    enum map_status status = MAP_NOT_FOUND;
    if (!maps_is_empty(command_maps))
        status = maps_find(command_maps, user->name, MAPS_WHOLE_KEY, &value, &err);
    if (status == MAP_FAILED) {
        if (!err.is_repeated)
            log_warn(&d->job->log, "%s", err.reason);
        local_failed(d, ctx, "4.3.0", "%s lookup failure", maps_title(command_maps));
        return false;
    }
    *ret = status == MAP_FOUND               ? arena_strdup(d->arena, value.s)
           : local_params.mailbox_command[0] ? local_params.mailbox_command
                                             : NULL;
    return true;
}

void local_mailbox(struct local_delivery *d, const struct local_context *ctx,
                   const struct local_user *user)
{
    const char *command;
    if (local_seen_before(d, "mailbox", user->name) || !find_command(d, ctx, user, &command))
        return;
    if (command) {
        local_command_mailbox(d, ctx, user, command);
        return;
    }
    if (local_is_trace_only(d)) {
        local_sent(d, ctx, "delivers to mailbox");
        return;
    }
    const char *path = mailbox_path(d, user);
    struct slice all = slice_of(path);
    if (all.s[all.len - 1] == '/')
        deliver_maildir(d, ctx, user, path);
    else
        deliver_mbox(d, ctx, user, path);
}
