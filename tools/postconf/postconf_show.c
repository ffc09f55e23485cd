/* postconf_show: parameters of main.cf and their values. */
#include "postconf.h"

#include "config/param.h"

static void show_name(const struct postconf *pc, const struct postconf_name *name)
{
    const char *set =
        postconf_names_read_only(name->name) ? NULL : config_set_value(pc->cfg, name->name);
    const char *raw = set || pc->set_only ? set : config_default(pc->cfg, name->name);
    const struct param_row *row = config_row(pc->cfg, name->name);
    CLEANUP(strbuf_done) struct strbuf expanded = STRBUF_ANY;
    struct err err = ERR_INIT;
    if (!raw)
        return;
    if (pc->expand && (!row || row->kind != PARAM_RAW)) {
        if (!config_expand(pc->cfg, slice_of(raw), &expanded, &err)) {
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
