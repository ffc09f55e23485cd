#include "local/local_state.h"

#include "base/argv.h"
#include "config/common_params.h"
#include "local/local_params.h"
#include "log/log.h"
#include "mail/address.h"
#include "map/map_address.h"

#include <ctype.h>
#include <string.h>

struct local_item {
    struct local_item *next;
    local_item_fn fn;
    const struct local_context *ctx;
    const char *text;
};

enum { SEEN_BUCKETS = 256 };
struct seen_entry {
    struct seen_entry *next;
    const char *text;
};
struct local_seen {
    struct seen_entry *buckets[SEEN_BUCKETS];
    int64_t count;
};

static const char *lower(struct arena *arena, const char *text)
{
    char *copy = arena_strdup(arena, text);
    for (char *p = copy; *p; p++)
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p - 'A' + 'a');
    return copy;
}

struct local_context *local_context_new(struct local_delivery *d,
                                        const struct local_context *parent, const char *address)
{
    struct local_context *ctx = arena_zalloc(d->arena, sizeof *ctx);
    struct slice local, domain, user, extension;
    if (parent)
        *ctx = *parent;
    ctx->parent = parent;
    ctx->level = parent ? parent->level + 1 : 0;
    ctx->mailbox_only = false;
    address_split(slice_of(address), &local, &domain);
    if (local.len > 1 && local.s[0] == '\\') { /* \name */
        ctx->mailbox_only = true;
        local = slice_from(local, 1);
        address = arena_strdup(d->arena, address + 1);
    }
    ctx->address = address;
    ctx->local_part = arena_slice_dup(d->arena, local);
    ctx->domain = arena_slice_dup(d->arena, domain);
    ctx->whole_name = ctx->name = lower(d->arena, ctx->local_part);
    ctx->extension = NULL;
    ctx->delimiter = "";
    if (map_address_split_extension(slice_of(ctx->local_part), common_params.recipient_delimiter,
                                    &user, &extension)) {
        ctx->name = lower(d->arena, arena_slice_dup(d->arena, user));
        /* it becomes part of the name of a .forward file */
        if (slice_find(extension, '/') != SIZE_MAX) {
            log_warn(&d->job->log, "%s: address with illegal extension: %.*s", ctx->address,
                     SLICE_ARG(extension));
        } else {
            ctx->extension = arena_slice_dup(d->arena, extension);
            ctx->delimiter = arena_slice_dup(d->arena, (struct slice){extension.s - 1, 1});
        }
    }
    if (!parent || !local_params.frozen_delivered_to)
        ctx->delivered_to = ctx->address;
    return ctx;
}

void local_items_init(struct local_items *items)
{
    *items = (struct local_items){.first = NULL, .last = NULL};
}

void local_items_add(struct local_delivery *d, struct local_items *items, local_item_fn fn,
                     const struct local_context *ctx, const char *text)
{
    struct local_item *item = arena_zalloc(d->arena, sizeof *item);
    *item = (struct local_item){.fn = fn, .ctx = ctx, .text = text};
    *(items->first ? items->last : &items->first) = item;
    items->last = &item->next;
    items->count++;
}

void local_items_do_next(struct local_delivery *d, struct local_items *items)
{
    if (!items->first)
        return;
    *items->last = d->todo;
    d->todo = items->first;
}

bool local_state_step(struct local_delivery *d)
{
    struct local_item *item = d->todo;
    if (!item)
        return false;
    d->todo = item->next;
    item->fn(d, item->ctx, item->text);
    return true;
}

static uint32_t hash_of(const char *text)
{
    uint32_t hash = 2166136261U; /* FNV-1a */
    for (const char *p = text; *p; p++)
        hash = (hash ^ (unsigned char)*p) * 16777619U;
    return hash;
}

bool local_seen_before(struct local_delivery *d, const char *kind, const char *text)
{
    const char *key = lower(d->arena, arena_printf(d->arena, "%s %s", kind, text));
    if (!d->seen)
        d->seen = arena_zalloc(d->arena, sizeof *d->seen);
    struct seen_entry **bucket = &d->seen->buckets[hash_of(key) % SEEN_BUCKETS];
    for (const struct seen_entry *e = *bucket; e; e = e->next)
        if (strcmp(e->text, key) == 0)
            return true;
    int64_t limit = common_params.duplicate_filter_limit;
    if (limit > 0 && d->seen->count >= limit)
        return false;
    struct seen_entry *entry = arena_zalloc(d->arena, sizeof *entry);
    *entry = (struct seen_entry){.next = *bucket, .text = key};
    *bucket = entry;
    d->seen->count++;
    return false;
}

bool local_list_has(const char *list, const char *word)
{
    struct slice in = slice_of(list), item;
    while (slice_next_item(&in, &item))
        if (slice_eq_nocase(item, word))
            return true;
    return false;
}

struct mailbox_message local_message(const struct local_delivery *d,
                                     const struct local_context *ctx, const char *where)
{
    const char *original = ctx->is_list               ? ctx->address
                           : d->rcpt->orig_address[0] ? d->rcpt->orig_address
                                                      : d->rcpt->address;
    bool has_delivered = local_list_has(local_params.prepend_delivered_header, where);
    return (struct mailbox_message){
        .queue_fd = d->job->fd,
        .data_offset = d->job->envelope->data_offset,
        .sender = ctx->owner ? ctx->owner : d->job->envelope->sender,
        .original_recipient = common_params.enable_original_recipient ? original : NULL,
        .delivered_to = has_delivered ? ctx->delivered_to : NULL,
    };
}

bool local_is_mta_probe(const struct local_delivery *d)
{
    return local_is_trace_only(d) && d->job->envelope->trace_flags & TRACE_MTA_PROBE;
}

bool local_is_trace_only(const struct local_delivery *d)
{
    return d->job->request.flags & DELIVERY_TRACE_ONLY;
}
