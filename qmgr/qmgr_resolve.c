/* Where each recipient goes: lib/mail/resolve, and what overrides it. */
#include "base/argv.h"
#include "base/clock.h"
#include "base/text.h"
#include "config/common_params.h"
#include "delivery/delivery_log.h"
#include "mail/address.h"
#include "mail/queue_file.h"
#include "mail/queue_id.h"
#include "mail/rewrite.h"
#include "mail/verify_sender.h"
#include "qmgr/qmgr.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static struct resolver *resolver;
static struct argv deferred_transports = ARGV_INIT;

bool qmgr_resolve_init(struct config *cfg, struct err *err)
{
    argv_add_items(&deferred_transports, qmgr_params.defer_transports);
    resolver = resolver_new(cfg, err);
    return resolver != NULL;
}

bool qmgr_resolve_has_stale_tables(void)
{
    return resolver_has_changed(resolver);
}

static bool is_trace_only(const struct qmgr_message *m)
{
    return m->env->trace_flags & (TRACE_USER_PROBE | TRACE_MTA_PROBE);
}

/* Undeliverable notices to the postmaster end here, so that bounces of bounces cannot loop. */
static bool is_double_bounce(const struct recipient *rcpt, const struct resolve_reply *reply)
{
    struct slice local, domain;
    address_split(slice_of(rcpt->address), &local, &domain);
    if (reply->address_class != RESOLVE_CLASS_LOCAL)
        return false;
    struct timeval now;
    clock_wall(&now);
    return slice_eq_nocase(local, common_params.double_bounce_sender) ||
           verify_sender_has_local_part(now.tv_sec, local);
}

static void discard(struct qmgr_message *m, const struct recipient *rcpt)
{
    struct delivery_job job = {.envelope = m->env};
    int64_t now_us = delivery_wall_us();
    qmgr_message_tag(m->id, &job.log);
    job.request.active_at_us = m->active_us;
    job.request.sent_at_us = now_us;
    const struct delivery_outcome outcome = {
        .dsn = "2.0.0",
        .relay = "none",
        .text = "undeliverable postmaster notification discarded",
    };
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_INIT(4096);
    queue_path(&path, QUEUE_ACTIVE, m->id);
    int fd = open(path.s, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    struct err err = ERR_INIT;
    /* Dies before the mark: logged and discarded once more. */
    if (fd < 0 || !queue_file_mark_done(fd, rcpt->offset, &err)) {
        log_warn(&job.log, "cannot mark recipient %s done", rcpt->address);
        m->is_left = 1;
    }
    if (fd >= 0)
        close(fd);
    delivery_log_outcome(&job, rcpt, &outcome, "sent", now_us);
}

/* content_filter=TRANSPORT:NEXTHOP of the message takes all recipients. */
static void apply_filter(const struct qmgr_message *m, const struct recipient *rcpt,
                         struct arena *arena, struct resolve_reply *reply)
{
    struct slice transport, nexthop, local, domain;
    if (!slice_split(slice_of(m->env->content_filter), ':', &transport, &nexthop)) {
        transport = slice_of(m->env->content_filter);
        nexthop = SLICE_EMPTY;
    }
    if (nexthop.len == 0)
        nexthop = slice_of(qmgr_params.default_filter_nexthop);
    if (nexthop.len == 0 && address_split(slice_of(rcpt->address), &local, &domain))
        nexthop = domain;
    if (nexthop.len == 0)
        nexthop = slice_of(common_params.myhostname);
    reply->transport = arena_slice_dup(arena, transport);
    reply->nexthop = arena_slice_dup(arena, nexthop);
    reply->recipient = rcpt->address;
}

/* What the destination is called: with one recipient a delivery, concurrency is counted per
 * recipient; local mail to one user counts as one, whatever the address extension. */
static const char *queue_name(const struct qmgr_transport *t, const struct resolve_reply *reply,
                              struct arena *arena)
{
    CLEANUP(strbuf_done) struct strbuf name = STRBUF_INIT(64 * 1024);
    if (t->limits.recipient_limit == 1) {
        struct slice local, domain;
        address_split(slice_of(reply->recipient), &local, &domain);
        if (reply->address_class == RESOLVE_CLASS_LOCAL)
            for (size_t i = 1; i < local.len; i++)
                if (strchr(common_params.recipient_delimiter, local.s[i])) {
                    local.len = i;
                    break;
                }
        text_fold_case(&name, local);
        strbuf_add_char(&name, '@');
    }
    text_fold_case(&name, slice_of(reply->nexthop));
    return arena_slice_dup(arena, strbuf_slice(&name));
}

/* A transport or destination that is known not to work is not tried for every message. */
static struct qmgr_queue *find_queue(struct qmgr_message *m, const struct resolve_reply *reply,
                                     struct arena *arena)
{
    struct qmgr_transport *t = qmgr_transport_get(reply->transport);
    if (t->is_dead && !qmgr_defer_is_last_resort(t))
        return qmgr_defer_queue("4.3.0", "mail transport unavailable");
    struct qmgr_queue *q = qmgr_queue_get(t, queue_name(t, reply, arena), reply->nexthop);
    if (m->wakes_dead)
        qmgr_queue_unthrottle(q);
    if (q->state == QUEUE_DEAD)
        return qmgr_defer_queue(q->dead_dsn, q->dead_text);
    return q;
}

static void redirect(const struct qmgr_message *m, struct recipient *rcpt, struct arena *arena)
{
    CLEANUP(strbuf_done) struct strbuf address = STRBUF_INIT(64 * 1024);
    struct rewrite_rules rules = rewrite_rules_from_params();
    rewrite_address(&rules, REWRITE_LOCAL, slice_of(m->env->redirect), &address);
    rcpt->address = arena_slice_dup(arena, strbuf_slice(&address));
}

struct qmgr_queue *qmgr_resolve(struct qmgr_message *m, struct recipient *rcpt, struct arena *arena)
{
    struct err err = ERR_INIT;
    struct resolve_reply reply;
    if (m->is_probe &&
        (int64_t)qmgr_message_probe_count() > qmgr_params.address_verify_pending_request_limit)
        return qmgr_defer_queue("4.3.3", "too many address verification requests");
    if (m->env->redirect[0] != '\0')
        redirect(m, rcpt, arena);
    enum resolve_use use = m->is_probe ? RESOLVE_VERIFY : RESOLVE_DELIVER;
    if (!resolve_address(resolver, use, m->env->sender, rcpt->address, arena, &reply, &err)) {
        struct log_tag tag;
        qmgr_message_tag(m->id, &tag);
        if (!err.is_repeated)
            log_warn(&tag, "recipient %s: %s", rcpt->address, err.reason);
        return qmgr_defer_queue("4.3.0", "address resolver failure");
    }
    if (reply.flags & RESOLVE_BAD_ADDRESS) {
        rcpt->address = reply.recipient;
        return qmgr_error_queue("5.1.3", "bad address syntax");
    }
    if (m->env->redirect[0] == '\0' && m->env->content_filter[0] != '\0' && !is_trace_only(m))
        apply_filter(m, rcpt, arena, &reply);
    else if (is_double_bounce(rcpt, &reply)) {
        discard(m, rcpt);
        return NULL;
    }
    rcpt->address = reply.recipient;
    if (!m->is_flushed && argv_has(&deferred_transports, reply.transport))
        return qmgr_defer_queue("4.3.2", "deferred transport");
    return find_queue(m, &reply, arena);
}
