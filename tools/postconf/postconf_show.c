/* postconf_show: parameters of main.cf and their values. */
#include "postconf.h"

#include "base/xmem.h"

static const char *lookup(void *ctx, struct slice name)
{
    const struct postconf *pc = ctx;
    CLEANUP(xfree_ptr) char *text = slice_dup(name);
    const char *value = config_raw(pc->cfg, text);
    if (!value && !pc->quiet && !pc->defaults)
        postconf_warn(pc, "%s/main.cf: undefined parameter: %s", pc->dir, text);
    return value;
}

static void show_name(struct postconf *pc, const struct postconf_name *name)
{
    const char *raw =
        pc->set_only ? config_set_value(pc->cfg, name->name) : config_raw(pc->cfg, name->name);
    if (!raw)
        return;
    CLEANUP(strbuf_done) struct strbuf expanded = STRBUF_ANY;
    struct err err = ERR_INIT;
    if (pc->expand) {
        if (!config_expand_with(lookup, pc, slice_of(raw), &expanded, &err)) {
            postconf_warn(pc, "%s", err.reason);
            postconf_fatal(pc, "macro processing error");
        }
        raw = expanded.s;
    }
    postconf_print(pc, name->name, raw);
}

/* NAME is what the tables say of TEXT: nothing, or that -C leaves it out. */
static void say_unknown(const struct postconf *pc, const struct postconf_name *name,
                        const char *text)
{
    postconf_warn(pc, "%s: unknown parameter", text);
    if (!name)
        postconf_names_hint(pc, text);
}

void postconf_show(struct postconf *pc, char **names)
{
    if (!*names) {
        for (size_t i = 0; i < pc->name_count; i++)
            if (pc->names[i].class & pc->classes)
                show_name(pc, &pc->names[i]);
        return;
    }
    for (; *names; names++) {
        const struct postconf_name *name = postconf_names_find(pc, *names);
        if (name && (name->class & pc->classes))
            show_name(pc, name);
        else
            say_unknown(pc, name, *names);
    }
}
