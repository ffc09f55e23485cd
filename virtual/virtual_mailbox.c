#include "virtual/virtual_mailbox.h"

#include "base/num.h"
#include "config/common_params.h"
#include "delivery/delivered_to.h"
#include "delivery/mailbox_maildir.h"
#include "delivery/mailbox_mbox.h"
#include "map/map_address.h"
#include "virtual/virtual_params.h"

static struct maps *mailbox_maps, *uid_maps, *gid_maps;
static unsigned lock_kinds;
static const char default_dsn[] = "4.2.0"; /* the mailboxes are the administrator's to mend */

/* What is known of the recipient while the mailbox is looked for. */
struct target {
    struct delivery_job *job;
    struct recipient *rcpt;
    struct user_rights rights;
    const char *path;
};

/* a stranger's words must not choose a path or a user, nor may a server anybody can play */
static const enum map_flags table_flags = MAP_READ | MAP_NO_GROUPS | MAP_SENSITIVE;

bool virtual_mailbox_start(struct err *err)
{
    mailbox_maps =
        maps_open("virtual_mailbox_maps", common_params.virtual_mailbox_maps, table_flags);
    uid_maps = maps_open("virtual_uid_maps", virtual_params.virtual_uid_maps, table_flags);
    gid_maps = maps_open("virtual_gid_maps", virtual_params.virtual_gid_maps, table_flags);
    return mailbox_lock_parse(virtual_params.virtual_mailbox_lock, &lock_kinds, err) ||
           err_prefix(err, "virtual_mailbox_lock");
}

bool virtual_mailbox_has_changed(void)
{
    return maps_have_changed(mailbox_maps) || maps_have_changed(uid_maps) ||
           maps_have_changed(gid_maps);
}

static void failed(const struct target *t, const char *dsn, const char *text)
{
    const struct delivery_outcome o = {.dsn = dsn, .relay = "virtual", .text = text};
    if (dsn[0] == '4')
        delivery_deferred(t->job, t->rcpt, &o);
    else
        delivery_bounced(t->job, t->rcpt, &o);
}

static void sent(const struct target *t, const char *text)
{
    const struct delivery_outcome o = {.dsn = "2.0.0", .relay = "virtual", .text = text};
    delivery_sent(t->job, t->rcpt, &o);
}

static enum map_status find(const struct target *t, struct maps *maps, struct strbuf *value)
{
    struct err err = ERR_INIT;
    const struct map_address_query query = {
        .address = t->rcpt->address,
        .keys = MAP_ADDR_MAILBOX,
        .recipient_delimiter = common_params.recipient_delimiter,
    };
    enum map_status status = map_address_find(maps, &query, value, NULL, NULL, &err);
    if (status == MAP_FAILED) {
        if (!err.is_repeated)
            log_warn(&t->job->log, "%s", err.reason);
        failed(t, "4.3.5", "mail system configuration error");
    }
    return status;
}

/* A uid or gid from its table. False: the recipient is settled. */
static bool find_id(const struct target *t, struct maps *maps, int64_t minimum, uint32_t *ret)
{
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
    int64_t id;
    enum map_status status = find(t, maps, &value);
    if (status == MAP_FAILED)
        return false;
    if (status == MAP_NOT_FOUND) {
        log_warn(&t->job->log, "recipient %s: not found in %s", t->rcpt->address, maps_title(maps));
        failed(t, "4.3.5", "mail system configuration error");
        return false;
    }
    if (!num_parse_i64(strbuf_slice(&value), &id) || id < minimum || id > UINT32_MAX - 1) {
        log_warn(&t->job->log, "recipient %s: bad id %s in %s", t->rcpt->address, value.s,
                 maps_title(maps));
        failed(t, "4.3.5", "mail system configuration error");
        return false;
    }
    *ret = (uint32_t)id;
    return true;
}

/* A table that builds paths from what the client sent must not lead out of the base directory. */
static bool climbs(struct slice path)
{
    struct slice part;
    while (slice_next_token(&path, "/", &part))
        if (slice_eq(part, ".."))
            return true;
    return false;
}

static bool find_mailbox(struct target *t)
{
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
    enum map_status status = find(t, mailbox_maps, &value);
    if (status == MAP_FAILED)
        return false;
    if (status == MAP_NOT_FOUND) {
        failed(t, "5.1.1", arena_printf(t->job->arena, "unknown user: \"%s\"", t->rcpt->address));
        return false;
    }
    if (climbs(strbuf_slice(&value))) {
        log_warn(&t->job->log, "recipient %s: \"..\" in the path %s from %s", t->rcpt->address,
                 value.s, maps_title(mailbox_maps));
        failed(t, "4.3.5", "mail system configuration error");
        return false;
    }
    t->path = arena_printf(t->job->arena, "%s/%s", virtual_params.virtual_mailbox_base, value.s);
    return find_id(t, uid_maps, virtual_params.virtual_minimum_uid, &t->rights.uid) &&
           find_id(t, gid_maps, 1, &t->rights.gid);
}

static void deliver(const struct target *t)
{
    struct arena *arena = t->job->arena;
    bool is_maildir = slice_ends(slice_of(t->path), "/"), ok;
    struct mailbox_trouble trouble;
    const struct mailbox_message message = {
        .queue_fd = t->job->fd,
        .data_offset = t->job->envelope->data_offset,
        .sender = t->job->envelope->sender,
        .original_recipient = common_params.enable_original_recipient && t->rcpt->orig_address[0]
                                  ? t->rcpt->orig_address
                                  : NULL,
        .delivered_to = t->rcpt->address,
    };
    if (is_maildir) {
        const struct mailbox_maildir maildir = {.path = t->path,
                                                .rights = t->rights,
                                                .size_limit = virtual_params.virtual_mailbox_limit,
                                                .default_dsn = default_dsn};
        ok = mailbox_maildir_deliver(&maildir, &message, &trouble);
    } else {
        const struct mailbox_mbox mbox = {
            .path = t->path,
            .rights = t->rights,
            .must_have_lock_file = true,
            .must_be_owner = common_params.strict_mailbox_ownership,
            .lock = {.kinds = lock_kinds,
                     .attempts = common_params.deliver_lock_attempts,
                     .delay_ms = common_params.deliver_lock_delay * 1000,
                     .stale_s = common_params.stale_lock_time},
            .size_limit = virtual_params.virtual_mailbox_limit,
            .default_dsn = default_dsn,
        };
        ok = mailbox_mbox_deliver(&mbox, &message, &trouble);
    }
    if (trouble.warning[0])
        log_warn(&t->job->log, "%s", trouble.warning);
    if (ok)
        sent(t, is_maildir ? "delivered to maildir" : "delivered to mailbox");
    else
        failed(t, trouble.dsn,
               is_maildir ? arena_printf(arena, "maildir delivery failed: %s", trouble.reason)
                          : arena_printf(arena, "delivery failed to mailbox %s: %s", t->path,
                                         trouble.reason));
}

void virtual_mailbox(struct delivery_job *job, struct recipient *rcpt, const struct argv *seen)
{
    struct target t = {.job = job, .rcpt = rcpt};
    struct err err = ERR_INIT;
    if (delivered_to_has(seen, rcpt->address)) {
        failed(&t, "5.4.6", arena_printf(job->arena, "mail forwarding loop for %s", rcpt->address));
        return;
    }
    if (!find_mailbox(&t))
        return;
    if (!user_rights_are_ours(&t.rights, &err))
        failed(&t, "4.3.5", arena_strdup(job->arena, err.reason));
    else if (job->request.flags & DELIVERY_TRACE_ONLY)
        sent(&t, "delivers to mailbox");
    else
        deliver(&t);
}
