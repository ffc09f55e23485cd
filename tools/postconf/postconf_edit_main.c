/* postconf_edit_main: set, delete or comment out parameters in main.cf. */
#include "postconf.h"
#include "postconf_file.h"
#include "postconf_lines.h"

#include "base/xmem.h"
#include "config/logical_line.h"

struct change {
    char *name, *value; /* value only for EDIT_SET */
    int seen;           /* entries changed */
};

struct changes {
    enum postconf_edit edit;
    struct change *at;
    size_t count;
};

static struct change *find_change(struct changes *changes, struct slice name)
{
    for (size_t i = 0; i < changes->count; i++)
        if (slice_eq(name, changes->at[i].name))
            return &changes->at[i];
    return NULL;
}

static void add_change(const struct postconf *pc, struct changes *changes, struct slice name,
                       struct slice value)
{
    struct change *change = find_change(changes, name);
    if (change && changes->edit == EDIT_SET)
        postconf_warn(pc, "ignoring earlier request: '%s = %s'", change->name, change->value);
    if (!change) {
        changes->at = xrealloc_array(changes->at, changes->count + 1, sizeof *changes->at);
        change = &changes->at[changes->count++];
        *change = (struct change){.name = slice_dup(name)};
    }
    free(change->value);
    change->value = slice_dup(value);
}

static void parse_arg(struct postconf *pc, struct changes *changes, const char *arg)
{
    struct slice name = slice_trim(slice_of(arg)), value = SLICE_EMPTY;
    struct err err = ERR_INIT;
    const char *mistake;
    if (strchr(arg, '\n'))
        postconf_fatal(pc, "-e, -X, or -# accepts no multi-line input");
    if (name.len > 0 && name.s[0] == '#')
        postconf_fatal(pc, "-e, -X, or -# accepts no comment input");
    if (changes->edit == EDIT_SET) {
        if (!config_split(slice_of(arg), &name, &value, &mistake))
            postconf_fatal(pc, "%s: \"%s\"", mistake, arg);
    } else if (name.len == 0) {
        postconf_fatal(pc, "-X or -# requires non-blank parameter names");
    }
    if (!logical_line_check(slice_of(arg), "argument", &err))
        postconf_fatal(pc, "%s", err.reason);
    add_change(pc, changes, name, value);
}

/* The name of an entry, also of one that has no "=". */
static struct slice name_of(struct slice logical)
{
    size_t len = 0;
    while (len < logical.len && logical.s[len] != '=' && !strchr(SLICE_SPACE, logical.s[len]))
        len++;
    return slice_first(logical, len);
}

static enum line_action decide(void *ctx, struct slice logical, int number,
                               struct strbuf *replacement)
{
    (void)number;
    struct changes *changes = ctx;
    struct change *change = find_change(changes, name_of(logical));
    if (!change)
        return LINE_KEEP;
    change->seen++;
    if (changes->edit == EDIT_SET)
        strbuf_addf(replacement, "%s = %s", change->name, change->value);
    return changes->edit == EDIT_SET      ? LINE_REPLACE
           : changes->edit == EDIT_DELETE ? LINE_DELETE
                                          : LINE_COMMENT;
}

static void make_changes(const struct postconf *pc, struct changes *changes,
                         const struct postconf_file *file, struct strbuf *out)
{
    postconf_lines_edit(strbuf_slice(&file->content), decide, changes, out);
    for (size_t i = 0; i < changes->count; i++) {
        struct change *change = &changes->at[i];
        if (change->seen > 1)
            postconf_warn(pc, "%s: multiple entries for \"%s\"", file->path, change->name);
        if (change->seen > 0 || changes->edit != EDIT_SET)
            continue;
        CLEANUP(xfree_ptr) char *line = xasprintf("%s = %s", change->name, change->value);
        postconf_lines_append(out, line);
    }
}

static bool write_changes(const struct postconf *pc, struct changes *changes, struct err *err)
{
    CLEANUP(xfree_ptr) char *path = xasprintf("%s/main.cf", pc->dir);
    CLEANUP(strbuf_done) struct strbuf new = STRBUF_ANY;
    CLEANUP(postconf_file_done) struct postconf_file file;
    if (!postconf_file_open(&file, path, err))
        return false;
    make_changes(pc, changes, &file, &new);
    return postconf_file_replace(&file, strbuf_slice(&new), err);
}

void postconf_edit_main(struct postconf *pc, enum postconf_edit edit, char **args)
{
    struct changes changes = {.edit = edit};
    struct err err = ERR_INIT;
    for (; *args; args++)
        parse_arg(pc, &changes, *args);
    if (!write_changes(pc, &changes, &err))
        postconf_fatal(pc, "%s", err.reason);
    for (size_t i = 0; i < changes.count; i++) {
        free(changes.at[i].name);
        free(changes.at[i].value);
    }
    free(changes.at);
}
