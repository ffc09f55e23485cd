/* Lookup tables: types that there are, files that exist, indexes as new as their source. Files are
 * not opened. */
#include "postlint/postlint.h"

#include "base/xmem.h"
#include "map/map.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

/* Parameters with tables: by the end of their name. */
static const char *const endings[] = {
    "_maps",         "_checks",       "_map",     "_database",   "_restrictions", "_domains",
    "_table",        "_networks",     "_clients", "_exceptions", "_destinations", "mynetworks",
    "mydestination", "_classes_maps", "_hosts",   "_sites",      "_users",
};

/* Tables that a program makes when it first has something to keep. */
static const char *const made_by_programs[] = {"_cache_database", "_cache_map", "verify_map"};

enum { DEPTH_MAX = 8 };

struct table {
    struct postlint *lint;
    struct postlint_where where;
    const char *param;
};

static bool ends_with_one_of(const char *name, const char *const list[], size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (slice_ends(slice_of(name), list[i]))
            return true;
    return false;
}

static bool holds_tables(const char *name)
{
    return ends_with_one_of(name, endings, COUNT_OF(endings));
}

/* What rebuilds the index of a table. */
static const char *builder(const char *param)
{
    return strncmp(param, "alias_", 6) == 0 ? "postalias" : "postmap";
}

static bool check_readable(const struct table *t, const char *path, const char *title)
{
    if (access(path, R_OK) == 0 || errno == ENOENT)
        return true;
    postlint_report(t->lint, LINT_V084, t->where, NULL, "%s: %s: %s", t->param, title,
                    strerror(errno));
    return false;
}

static void check_index(const struct table *t, const char *type, const char *path,
                        const char *suffix)
{
    struct stat source, built;
    CLEANUP(xfree_ptr) char *index = xasprintf("%s%s", path, suffix);
    CLEANUP(xfree_ptr) char *mend = xasprintf("run %s %s:%s", builder(t->param), type, path);
    bool has_source = stat(path, &source) == 0, is_built = stat(index, &built) == 0;
    if (!is_built && !check_readable(t, index, index))
        return;
    if (!is_built && !has_source &&
        ends_with_one_of(t->param, made_by_programs, COUNT_OF(made_by_programs)))
        return;
    if (!is_built && !has_source)
        postlint_report(t->lint, LINT_V081, t->where, NULL, "%s: %s:%s: neither %s nor %s exists",
                        t->param, type, path, path, index);
    else if (!is_built)
        postlint_report(t->lint, LINT_V082, t->where, mend, "%s: %s was never built from %s",
                        t->param, index, path);
    else if (has_source && (source.st_mtim.tv_sec > built.st_mtim.tv_sec))
        postlint_report(t->lint, LINT_V083, t->where, mend, "%s: %s is newer than %s", t->param,
                        path, index);
    if (is_built)
        check_readable(t, index, index);
}

static void check_file(const struct table *t, const char *type, const char *path)
{
    struct stat st;
    if (stat(path, &st) < 0 && (errno == ENOENT || errno == ENOTDIR))
        postlint_report(t->lint, LINT_V081, t->where, NULL, "%s: %s%s%s does not exist", t->param,
                        type, type[0] ? ":" : "", path);
    else
        check_readable(t, path, path);
}

/* "unionmap:{hash:/a, hash:/b}" has tables of its own. */
static bool has_members(struct slice type)
{
    return slice_eq(type, "unionmap") || slice_eq(type, "pipemap");
}

static void add_members(struct argv *list, struct slice name)
{
    if (!slice_starts(name, "{") || !slice_ends(name, "}"))
        return;
    CLEANUP(xfree_ptr) char *inside = slice_dup(slice_first(slice_from(name, 1), name.len - 2));
    argv_add_items(list, inside);
}

static void check_table(const struct table *t, const char *text, struct argv *members)
{
    struct slice whole = slice_of(text), type, name;
    if (slice_starts(whole, "!"))
        whole = slice_from(whole, 1);
    if (slice_starts(whole, "/")) { /* a list in a file */
        check_file(t, "", whole.s);
        return;
    }
    while (slice_starts(whole, "proxy:"))
        whole = slice_from(whole, strlen("proxy:"));
    if (slice_starts(whole, "[") || !slice_split(whole, ':', &type, &name) || type.len == 0)
        return;
    const struct map_driver *driver = map_driver_find(type, NULL);
    CLEANUP(xfree_ptr) char *type_text = slice_dup(type), *path = slice_dup(name);
    /* an IPv6 address, a network */
    if (!driver && (type_text[strspn(type_text, "0123456789abcdefABCDEF")] == 0))
        return;
    if (!driver)
        postlint_report(t->lint, LINT_V080, t->where, NULL,
                        "%s: tables of type %.40s are not part of this release", t->param,
                        type_text);
    else if (has_members(type))
        add_members(members, name);
    else if (path[0] != '/' || strcmp(type_text, "static") == 0)
        return;
    else if (driver->suffix)
        check_index(t, type_text, path, driver->suffix);
    else
        check_file(t, type_text, path);
}

static void check_param(struct postlint *lint, const struct postlint_scope *scope, const char *name)
{
    struct table t = {.lint = lint, .where = postlint_where(lint, scope, name), .param = name};
    struct argv items = ARGV_INIT;
    postlint_get_items(scope, name, &items);
    for (int depth = 0; depth < DEPTH_MAX && items.count > 0; depth++) {
        struct argv members = ARGV_INIT;
        for (size_t i = 0; i < items.count; i++)
            check_table(&t, items.at[i], &members);
        argv_done(&items);
        items = members;
    }
    argv_done(&items);
}

void postlint_tables(struct postlint *lint)
{
    for (size_t i = 0; i < lint->setting_count; i++) {
        const struct postlint_setting *s = &lint->settings[i];
        if (!s->is_overridden && holds_tables(s->name))
            check_param(lint, s->scope, s->name);
    }
    /* used even when it is not set */
    if (!postlint_setting_of(lint, &lint->scopes[0], "alias_maps"))
        check_param(lint, &lint->scopes[0], "alias_maps");
}
