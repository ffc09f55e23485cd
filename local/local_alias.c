/* alias_maps: what a local name stands for. */
#include "base/argv.h"
#include "config/common_params.h"
#include "io/fd.h"
#include "local/local_params.h"
#include "local/local_report.h"
#include "local/local_steps.h"
#include "local/local_tokens.h"
#include "local/local_user.h"
#include "log/log.h"
#include "mail/rewrite.h"
#include "map/maps.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static struct maps *alias_maps;

bool local_alias_start(struct err *err)
{
    (void)err;
    alias_maps = maps_open("alias_maps", common_params.alias_maps,
                           MAP_READ | MAP_FOLD | MAP_NO_GROUPS | MAP_SENSITIVE);
    return true;
}

bool local_alias_has_changed(void)
{
    return maps_have_changed(alias_maps);
}

/* Does the expansion of an alias of this name lead to CTX? */
static bool is_loop(const struct local_context *ctx, const char *name)
{
    for (const struct local_context *c = ctx->parent; c; c = c->parent)
        if (c->source == LOCAL_SOURCE_ALIAS && c->source_name && strcmp(c->source_name, name) == 0)
            return true;
    return false;
}

bool local_alias_loop(struct local_delivery *d, const struct local_context *ctx)
{
    if (ctx->source != LOCAL_SOURCE_ALIAS)
        return false; /* what comes back through a file is a duplicate */
    if (!is_loop(ctx, ctx->whole_name) && !is_loop(ctx, ctx->name))
        return false;
    log_warn(NULL, "alias database loop for %s", ctx->source_name);
    local_failed(d, ctx->parent, "5.4.6", "alias database loop for %s", ctx->source_name);
    return true;
}

static enum map_status find(struct local_delivery *d, const char *key, struct strbuf *value,
                            const char **ret_table)
{
    struct err err = ERR_INIT;
    enum map_status status = maps_find_in(alias_maps, key, MAPS_WHOLE_KEY, value, ret_table, &err);
    if (status == MAP_FAILED && !err.is_repeated)
        log_warn(&d->job->log, "%s", err.reason);
    return status;
}

/* Commands and files get the rights of the table's owner, unless that is root. */
static const struct user_rights *table_rights(struct local_delivery *d, const char *table,
                                              struct err *err)
{
    const char *colon = strchr(table, ':');
    const char *path = colon ? colon + 1 : table;
    static const char *const suffixes[] = {"", ".db", ".cdb", ".lmdb", ".pag"};
    struct stat st;
    bool found = false;
    for (size_t i = 0; path[0] == '/' && i < COUNT_OF(suffixes); i++) {
        const char *name = arena_printf(d->arena, "%s%s", path, suffixes[i]);
        if (stat(name, &st) < 0)
            continue;
        found = true;
        if (i > 0)
            break; /* the built file counts, not its source */
    }
    if (!found || st.st_uid == 0)
        return local_user_default_rights();
    struct user_rights *rights = arena_zalloc(d->arena, sizeof *rights);
    return local_user_rights_of(st.st_uid, rights, err) ? rights : NULL;
}

/* The sender for what the alias expands to: owner-NAME, when there is such an alias. */
static bool find_owner(struct local_delivery *d, const char *name, const char **ret)
{
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
    const char *table;
    *ret = NULL;
    if (!common_params.owner_request_special || strncmp(name, "owner-", 6) == 0)
        return true;
    const char *owner = arena_printf(d->arena, "owner-%s", name);
    enum map_status status = find(d, owner, &value, &table);
    if (status != MAP_FOUND)
        return status == MAP_NOT_FOUND;
    CLEANUP(strbuf_done) struct strbuf full = STRBUF_ANY;
    struct rewrite_rules rules = rewrite_rules_from_params();
    CLEANUP(strbuf_done) struct strbuf first = STRBUF_ANY;
    struct slice list = strbuf_slice(&value);
    enum local_token kind;
    bool expand = local_params.expand_owner_alias && local_tokens_next(&list, &kind, &first) &&
                  kind == LOCAL_TOKEN_ADDRESS;
    rewrite_address(&rules, REWRITE_LOCAL, expand ? strbuf_slice(&first) : slice_of(owner), &full);
    *ret = arena_strdup(d->arena, full.s);
    return true;
}

static void unavailable(struct local_delivery *d, const struct local_context *ctx)
{
    local_failed(d, ctx, "4.3.0", "alias database unavailable");
}

static void expand(struct local_delivery *d, const struct local_context *ctx, const char *name,
                   struct slice value, const char *table)
{
    struct err err = ERR_INIT;
    const char *owner;
    const struct user_rights *rights = table_rights(d, table, &err);
    if (!rights || !find_owner(d, name, &owner)) {
        if (!rights)
            log_warn(&d->job->log, "%s", err.reason);
        unavailable(d, ctx);
        return;
    }
    struct local_context *from = arena_zalloc(d->arena, sizeof *from);
    *from = *ctx;
    from->source = LOCAL_SOURCE_ALIAS;
    from->source_name = arena_strdup(d->arena, name);
    from->user = NULL;
    from->rights = rights;
    if (owner) {
        from->owner = owner;
        from->is_indirect = from->is_list = true;
    } else if (local_params.reset_owner_alias) {
        from->owner = NULL;
        from->is_indirect = false;
    }
    struct local_items items;
    local_items_init(&items);
    if (local_expand(d, from, value, &items) == 0) {
        log_warn(NULL, "no recipient in alias lookup result for %s", name);
        unavailable(d, ctx);
        return;
    }
    d->is_expanded = true;
    delivery_expanded(d->job, d->rcpt, service_instance(), from->is_list);
    local_items_do_next(d, &items);
}

bool local_alias(struct local_delivery *d, const struct local_context *ctx)
{
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
    const char *names[] = {ctx->whole_name, ctx->name}, *table;
    size_t count = ctx->extension ? 2 : 1;
    for (size_t i = 0; i < count; i++) {
        if (names[i][0] == '\0')
            return false;
        enum map_status status = find(d, names[i], &value, &table);
        if (status == MAP_NOT_FOUND)
            continue;
        if (status == MAP_FAILED) {
            unavailable(d, ctx);
        } else if (local_is_mta_probe(d)) {
            local_sent(d, ctx, "aliased to %s", value.s);
        } else {
            /* an extension the table did not ask for may go along */
            struct local_context *unmatched = arena_zalloc(d->arena, sizeof *unmatched);
            *unmatched = *ctx;
            if (i == 0)
                unmatched->extension = NULL;
            expand(d, unmatched, names[i], strbuf_slice(&value), table);
        }
        return true;
    }
    return false;
}
