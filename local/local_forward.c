/* ~/.forward: where a user wants mail to go. */
#include "local/local_macros.h"
#include "local/local_params.h"
#include "local/local_report.h"
#include "local/local_steps.h"
#include "local/local_textfile.h"
#include "local/local_tokens.h"
#include "log/log.h"

#include <string.h>

/* Items of forward_path that name an extension fall away when there is none. */
static bool item_path(struct local_delivery *d, const struct local_context *ctx,
                      const struct local_user *user, struct slice item, struct strbuf *path)
{
    struct err err = ERR_INIT;
    bool needs_extension =
        memmem(item.s, item.len, "extension}", 10) || memmem(item.s, item.len, "$extension", 10);
    strbuf_reset(path);
    if (needs_extension && !ctx->extension)
        return false;
    if (local_macros_expand(ctx, user, local_params.forward_expansion_filter, item, path, &err))
        return path->len > 0;
    log_warn(&d->job->log, "forward_path: %s", err.reason);
    return false;
}

/* True: the file lists something, or may do so when it can be read. */
static bool use_file(struct local_delivery *d, const struct local_context *ctx,
                     const struct local_user *user, const char *path, struct slice text,
                     bool is_extended)
{
    struct local_context *from = arena_zalloc(d->arena, sizeof *from);
    struct local_items items;
    struct slice line;
    *from = *ctx;
    if (is_extended) /* the file asked for the extension */
        from->extension = NULL;
    from->source = LOCAL_SOURCE_FORWARD;
    from->source_name = path;
    from->forward_user = user->name;
    from->user = user;
    from->rights = &user->rights;
    from->is_indirect = true;
    local_items_init(&items);
    while (local_tokens_next_line(&text, &line))
        local_expand(d, from, line, &items);
    if (items.count == 0)
        return false; /* an empty file means the mailbox */
    if (local_is_mta_probe(d)) {
        local_sent(d, ctx, "forward via file: %s", path);
        return true;
    }
    d->is_expanded = true;
    local_items_do_next(d, &items);
    return true;
}

bool local_forward(struct local_delivery *d, const struct local_context *ctx,
                   const struct local_user *user)
{
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_ANY;
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    struct slice in = slice_of(local_params.forward_path), item;
    const char *last = "";
    while (slice_next_item(&in, &item)) {
        struct err err = ERR_INIT;
        if (!item_path(d, ctx, user, item, &path) || strcmp(path.s, last) == 0)
            continue;
        last = arena_strdup(d->arena, path.s);
        switch (local_textfile_read(path.s, &user->rights, false, &text, &err)) {
        case LOCAL_TEXTFILE_NONE:
            continue;
        case LOCAL_TEXTFILE_OK:
            return use_file(d, ctx, user, last, strbuf_slice(&text),
                            memmem(item.s, item.len, "extension", 9) != NULL);
        case LOCAL_TEXTFILE_REFUSED:
            log_warn(NULL, "%s", err.reason);
            return false;
        case LOCAL_TEXTFILE_FAILED:
            local_failed(d, ctx, "4.3.0", "%s", err.reason);
            return true;
        }
    }
    return false;
}
