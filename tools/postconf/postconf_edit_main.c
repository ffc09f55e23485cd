/* postconf_edit_main: set, delete or comment out parameters in main.cf. */
#include "postconf.h"
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

static void add_change(struct changes *changes, struct slice name, struct slice value)
{
    struct change *change = find_change(changes, name);
    if (!change) {
        changes->at = xrealloc_array(changes->at, changes->count + 1, sizeof *changes->at);
        change = &changes->at[changes->count++];
        *change = (struct change){.name = slice_dup(name)};
    }
    free(change->value);
    change->value = slice_dup(value); /* of two settings of one name the last counts */
}

static void parse_args(struct postconf *pc, struct changes *changes, char **args)
{
    for (; *args; args++) {
        struct slice name = slice_trim(slice_of(*args)), value = SLICE_EMPTY;
        const char *mistake;
        if (strchr(*args, '\n'))
            postconf_fatal(pc, "-e, -X, or -# accepts no multi-line input");
        if (changes->edit == EDIT_SET) {
            if (!config_split(slice_of(*args), &name, &value, &mistake))
                postconf_fatal(pc, "%s: \"%s\"", mistake, *args);
        } else if (strchr(*args, '=')) {
            postconf_fatal(pc, "-X or -# requires names without value");
        } else if (name.len == 0 || name.s[0] == '#' || strcspn(*args, SLICE_SPACE) < name.len) {
            postconf_fatal(pc, "-X or -# requires a parameter name: \"%s\"", *args);
        }
        if (name.s[0] == '#')
            postconf_fatal(pc, "-e, -X, or -# accepts no comment input");
        struct err err = ERR_INIT;
        if (!logical_line_check(slice_of(*args), "argument", &err))
            postconf_fatal(pc, "%s", err.reason);
        add_change(changes, name, value);
    }
}

static enum line_action decide(void *ctx, struct slice logical, struct strbuf *replacement)
{
    struct changes *changes = ctx;
    struct slice name, value;
    const char *mistake;
    if (strchr(SLICE_SPACE, logical.s[0]) || !config_split(logical, &name, &value, &mistake))
        return LINE_KEEP;
    struct change *change = find_change(changes, name);
    if (!change)
        return LINE_KEEP;
    change->seen++;
    if (changes->edit == EDIT_SET)
        strbuf_addf(replacement, "%s = %s", change->name, change->value);
    return changes->edit == EDIT_SET      ? LINE_REPLACE
           : changes->edit == EDIT_DELETE ? LINE_DELETE
                                          : LINE_COMMENT;
}

static void write_changes(struct postconf *pc, struct changes *changes)
{
    CLEANUP(xfree_ptr) char *file = xasprintf("%s/main.cf", pc->dir);
    CLEANUP(strbuf_done) struct strbuf old = STRBUF_ANY, new = STRBUF_ANY;
    struct err err = ERR_INIT;
    if (!logical_line_read_file(file, &old, &err))
        postconf_fatal(pc, "%s", err.reason);
    postconf_lines_edit(strbuf_slice(&old), decide, changes, &new);
    for (size_t i = 0; i < changes->count; i++) {
        struct change *change = &changes->at[i];
        if (change->seen > 1)
            postconf_warn(pc, "%s: multiple entries for \"%s\"", file, change->name);
        if (change->seen == 0 && changes->edit == EDIT_SET)
            strbuf_addf(&new, "%s = %s\n", change->name, change->value);
    }
    if (!postconf_lines_replace_file(file, strbuf_slice(&new), &err))
        postconf_fatal(pc, "%s", err.reason);
}

void postconf_edit_main(struct postconf *pc, enum postconf_edit edit, char **args)
{
    struct changes changes = {.edit = edit};
    if (!*args)
        postconf_fatal(pc, edit == EDIT_SET ? "-e requires name=value argument"
                                            : "missing service argument");
    parse_args(pc, &changes, args);
    write_changes(pc, &changes);
    for (size_t i = 0; i < changes.count; i++) {
        free(changes.at[i].name);
        free(changes.at[i].value);
    }
    free(changes.at);
}
