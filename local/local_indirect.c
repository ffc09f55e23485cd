/*
 * Mail that goes on as a new message, through cleanup: one message for each sender and Delivered-To
 * address, written when all else of the recipient is done.
 */
#include "base/clock.h"
#include "config/common_params.h"
#include "local/local_params.h"
#include "local/local_report.h"
#include "local/local_steps.h"
#include "mail/address.h"
#include "mail/cleanup_client.h"
#include "mail/queue_file.h"

#include <string.h>

struct member {
    struct member *next;
    const char *address;
};

struct local_group {
    struct local_group *next;
    const char *sender, *delivered_to;
    bool is_list;
    struct member *first, **last;
};

static struct cleanup_client *cleanup;

static struct local_group *group_for(struct local_delivery *d, const struct local_context *ctx)
{
    const char *sender = ctx->owner ? ctx->owner : d->job->envelope->sender;
    struct local_group **link = &d->groups;
    for (; *link; link = &(*link)->next)
        if (strcmp((*link)->sender, sender) == 0 && (*link)->is_list == ctx->is_list &&
            strcmp((*link)->delivered_to, ctx->delivered_to) == 0)
            return *link;
    struct local_group *group = arena_zalloc(d->arena, sizeof *group);
    *group = (struct local_group){
        .sender = sender, .delivered_to = ctx->delivered_to, .is_list = ctx->is_list};
    group->last = &group->first;
    *link = group;
    return group;
}

void local_indirect(struct local_delivery *d, const struct local_context *ctx, const char *address)
{
    d->is_expanded = true;
    if (local_is_trace_only(d)) {
        local_sent(d, local_context_new(d, ctx, address), "forwards to %s", address);
        return;
    }
    struct local_group *group = group_for(d, ctx);
    if (local_seen_before(
            d, arena_printf(d->arena, "forward %s %s", group->sender, group->delivered_to),
            address))
        return;
    struct member *member = arena_zalloc(d->arena, sizeof *member);
    member->address = address;
    *group->last = member;
    group->last = &member->next;
}

static void add_envelope(struct cleanup_stream *s, const struct local_delivery *d,
                         const struct local_group *group)
{
    const struct envelope *e = d->job->envelope;
    const struct {
        const char *name, *value;
    } attributes[] = {
        {"encoding", e->encoding},
        {"log_client_name", e->log_client_name},
        {"log_client_address", e->log_client_address},
        {"log_client_port", e->log_client_port},
        {"log_message_origin", e->log_message_origin},
        {"log_helo_name", e->log_helo_name},
        {"log_protocol_name", e->log_protocol_name},
        {"client_name", e->client_name},
        {"client_address", e->client_address},
        {"client_port", e->client_port},
        {"helo_name", e->helo_name},
        {"protocol_name", e->protocol_name},
        {"sasl_method", e->sasl_method},
        {"sasl_username", e->sasl_username},
        {"sasl_sender", e->sasl_sender},
        {"rewrite_context", "local"},
    };
    struct timeval now;
    clock_wall(&now);
    cleanup_stream_addf(s, REC_TIME, "%lld %lld", (long long)now.tv_sec, (long long)now.tv_usec);
    for (size_t i = 0; i < COUNT_OF(attributes); i++)
        if (attributes[i].value[0])
            cleanup_stream_attribute(s, attributes[i].name, attributes[i].value);
    if (!group->is_list && e->dsn_envid[0])
        cleanup_stream_attribute(s, "envelope_id", e->dsn_envid);
    if (!group->is_list && e->dsn_ret)
        cleanup_stream_attribute(s, "ret_flags", e->dsn_ret == DSN_RET_FULL ? "1" : "2");
    cleanup_stream_addf(s, REC_SENDER, "%s", group->sender);
}

/* What comes in front of a recipient record belongs to it. */
static void add_recipients(struct cleanup_stream *s, const struct local_delivery *d,
                           const struct local_group *group)
{
    const struct recipient *rcpt = d->rcpt;
    for (const struct member *m = group->first; m; m = m->next) {
        if (!group->is_list && rcpt->dsn_orcpt[0])
            cleanup_stream_attribute(s, "dsn_orig_rcpt", rcpt->dsn_orcpt);
        if (!group->is_list && rcpt->dsn_notify)
            cleanup_stream_addf(s, REC_ATTRIBUTE, "notify_flags=%lld", (long long)rcpt->dsn_notify);
        if (!group->is_list)
            cleanup_stream_addf(s, REC_ORIGINAL, "%s",
                                rcpt->orig_address[0] ? rcpt->orig_address : rcpt->address);
        cleanup_stream_addf(s, REC_RECIPIENT, "%s", m->address);
    }
}

static void add_front(struct cleanup_stream *s, const struct local_group *group, const char *id)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    struct timeval now;
    clock_wall(&now);
    clock_format_mail_date(now.tv_sec, &text);
    cleanup_stream_addf(s, REC_LINE, "Received: by %s (%s)", common_params.myhostname,
                        common_params.mail_name);
    cleanup_stream_addf(s, REC_LINE, "\tid %s; %s", id, text.s);
    if (!local_list_has(local_params.prepend_delivered_header, "forward"))
        return;
    strbuf_set(&text, "Delivered-To: ");
    address_to_external(slice_of(group->delivered_to), &text);
    cleanup_stream_add(s, REC_LINE, strbuf_slice(&text));
}

struct writer {
    struct cleanup_stream *stream;
    char id[64]; /* "" until cleanup has said it */
    bool is_over;
    struct cleanup_done done;
    struct arena *arena;
    struct err err;
};

static void on_opened(void *owner, const char *queue_id)
{
    struct writer *w = owner;
    snprintf(w->id, sizeof w->id, "%s", queue_id);
}

static void on_done(void *owner, const struct cleanup_done *done, const struct err *err)
{
    struct writer *w = owner;
    w->is_over = true;
    if (!done) {
        err_set(&w->err, ERR_TEMP, "%s", err->reason);
        return;
    }
    w->done = *done;
    w->done.reason = arena_strdup(w->arena, done->reason);
    w->done.queue_id = arena_strdup(w->arena, done->queue_id);
}

static bool put_line(void *ctx, struct slice piece, bool ends_line)
{
    struct writer *w = ctx;
    cleanup_stream_add(w->stream, ends_line ? REC_LINE : REC_LINE_PART, piece);
    while (!w->is_over && cleanup_stream_is_full(w->stream))
        loop_run_once(delivery_loop(), true); /* cleanup is slower than the disk */
    return !w->is_over;
}

static bool write_message(struct writer *w, const struct local_delivery *d,
                          const struct local_group *group)
{
    while (!w->id[0] && !w->is_over)
        loop_run_once(delivery_loop(), true);
    if (w->is_over)
        return false;
    add_envelope(w->stream, d, group);
    add_recipients(w->stream, d, group);
    cleanup_stream_add(w->stream, REC_MESSAGE, SLICE_EMPTY);
    add_front(w->stream, group, w->id);
    if (!queue_file_each_line(d->job->fd, d->job->envelope->data_offset, put_line, w, &w->err))
        return false; /* closing the stream without E leaves nothing behind */
    if (w->is_over)
        return false;
    cleanup_stream_add(w->stream, REC_EXTRACTED, SLICE_EMPTY);
    cleanup_stream_finish(w->stream);
    while (!w->is_over)
        loop_run_once(delivery_loop(), true);
    return w->err.kind == ERR_NONE;
}

static void forward(struct local_delivery *d, const struct local_group *group)
{
    static const struct cleanup_events events = {on_opened, on_done, NULL};
    struct writer w = {.arena = d->arena};
    int64_t flags = CLEANUP_FLAGS_INTERNAL;
    if (d->job->envelope->smtputf8 & SMTPUTF8_REQUESTED)
        flags |= CLEANUP_FLAG_SMTPUTF8;
    if (d->job->envelope->smtputf8 & SEND_OPTION_REQUIRETLS)
        flags |= CLEANUP_FLAG_REQUIRETLS;
    if (!cleanup) {
        const char *path = arena_printf(d->arena, "public/%s", common_params.cleanup_service_name);
        cleanup = cleanup_client_new(delivery_loop(), path, common_params.ipc_timeout * 1000);
    }
    w.stream = cleanup_stream_open(cleanup, flags, &events, &w);
    bool ok = write_message(&w, d, group);
    cleanup_stream_free(w.stream);
    /* Dies here: the new message is in the queue, and the old one is expanded again. */
    if (ok && w.done.status == 0) {
        local_forwarded(d, !group->is_list, "forwarded as %s", w.id);
    } else if (!ok) {
        local_failed(d, d->top, "4.3.0", "unable to forward message: %s",
                     w.err.reason[0] ? w.err.reason : "cleanup service failure");
    } else {
        int code;
        const char *text;
        struct slice dsn, reason;
        cleanup_status_text(w.done.status, &code, &text);
        if (w.done.reason[0])
            text = w.done.reason;
        if (!delivery_split_dsn(slice_of(text), &dsn, &reason))
            dsn = slice_of("4.3.0");
        /* bounced only when cleanup has really refused the message */
        bool is_final =
            w.done.status & (CLEANUP_STAT_SIZE | CLEANUP_STAT_CONTENT | CLEANUP_STAT_HOPS);
        const char *own =
            arena_printf(d->arena, "%c%.*s", is_final ? '5' : '4', (int)dsn.len - 1, dsn.s + 1);
        local_failed(d, d->top, own, "unable to forward message: %.*s", SLICE_ARG(reason));
    }
}

void local_indirect_finish(struct local_delivery *d)
{
    for (const struct local_group *group = d->groups; group; group = group->next)
        if (group->first)
            forward(d, group);
}
