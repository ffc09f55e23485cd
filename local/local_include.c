/* :include:/file/name: a list of recipients in a file. */
#include "local/local_report.h"
#include "local/local_steps.h"
#include "local/local_textfile.h"
#include "local/local_tokens.h"
#include "local/local_user.h"
#include "log/log.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static void broken(struct local_delivery *d, const struct local_context *ctx)
{
    local_failed(d, ctx, "5.3.5", "mail system configuration error");
}

/* A user's own list is read with the user's rights, the administrator's with those of its owner. */
static bool list_rights(struct local_delivery *d, const struct local_context *ctx, const char *path,
                        struct user_rights *ret)
{
    struct stat st;
    struct err err = ERR_INIT;
    *ret =
        ctx->user ? ctx->user->rights : *(ctx->rights ? ctx->rights : local_user_default_rights());
    if (!ctx->user && stat(path, &st) < 0) {
        log_warn(NULL, "unable to lookup :include: file %s: %s", path, strerror(errno));
        broken(d, ctx);
        return false;
    }
    if (ctx->user || st.st_uid == 0)
        return true;
    if (local_user_rights_of(st.st_uid, ret, &err))
        return true;
    local_failed(d, ctx, "4.3.0", "%s", err.reason);
    return false;
}

static void expand(struct local_delivery *d, const struct local_context *ctx, const char *path,
                   const struct user_rights *rights, struct slice text)
{
    struct local_context *from = arena_zalloc(d->arena, sizeof *from);
    struct user_rights *own = arena_alloc(d->arena, sizeof *own);
    struct local_items items;
    struct slice line;
    *own = *rights;
    *from = *ctx;
    from->level++;
    from->source = LOCAL_SOURCE_INCLUDE;
    from->source_name = path;
    from->rights = own;
    from->is_indirect = true;
    local_items_init(&items);
    while (local_tokens_next_line(&text, &line))
        local_expand(d, from, line, &items);
    d->is_expanded = true;
    local_items_do_next(d, &items);
}

void local_include(struct local_delivery *d, const struct local_context *ctx, const char *path)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    struct user_rights rights;
    struct err err = ERR_INIT;
    if (path[0] != '/') {
        log_warn(NULL, ":include:%s uses a relative path", path);
        broken(d, ctx);
        return;
    }
    if (ctx->level > LOCAL_LEVEL_MAX) {
        local_failed(d, ctx, "5.4.6", "mail forwarding loop for %s", ctx->address);
        return;
    }
    if (local_seen_before(d, "include", path) || !list_rights(d, ctx, path, &rights))
        return;
    switch (local_textfile_read(path, &rights, true, &text, &err)) {
    case LOCAL_TEXTFILE_OK:
        expand(d, ctx, path, &rights, strbuf_slice(&text));
        break;
    case LOCAL_TEXTFILE_NONE:
        log_warn(NULL, "unable to lookup :include: file %s: %s", path, strerror(ENOENT));
        broken(d, ctx);
        break;
    case LOCAL_TEXTFILE_REFUSED:
        log_warn(NULL, "%s", err.reason);
        broken(d, ctx);
        break;
    case LOCAL_TEXTFILE_FAILED:
        local_failed(d, ctx, "4.3.0", "cannot open include file %s", path);
        log_warn(NULL, "%s", err.reason);
        break;
    }
}
