/* postconf_names: every parameter name there is, and warnings of those there are not. */
#include "postconf.h"

#include "base/xmem.h"
#include "config/known_params.h"
#include "config/param_near.h"

#include <unistd.h>

static int by_name(const void *a, const void *b)
{
    const struct postconf_name *x = a, *y = b;
    return strcmp(x->name, y->name);
}

static void add_name(struct postconf *pc, const char *name, enum postconf_class class)
{
    pc->names = xrealloc_array(pc->names, pc->name_count + 1, sizeof *pc->names);
    pc->names[pc->name_count++] = (struct postconf_name){name, class};
}

static void add_service_name(struct postconf *pc, const char *service, const char *suffix,
                             const char *default_text)
{
    CLEANUP(xfree_ptr) char *name = xasprintf("%s%s", service, suffix);
    if (config_default(pc->cfg, name)) {
        /* a program names it (local_destination_recipient_limit), or the service is there twice */
        for (size_t i = 0; i < pc->name_count; i++)
            if (strcmp(pc->names[i].name, name) == 0)
                pc->names[i].class = CLASS_SERVICE;
        return;
    }
    argv_add(&pc->owned_names, name);
    add_name(pc, pc->owned_names.at[pc->owned_names.count - 1], CLASS_SERVICE);
    config_set_default(pc->cfg, name, default_text);
}

static void add_services(struct postconf *pc)
{
    for (const struct postconf_service *s = pc->services; s; s = s->next)
        for (const struct param_pattern *p = known_param_patterns; p->row.name; p++)
            if (param_pattern_is_for(p, s->fields.at[7]))
                add_service_name(pc, s->fields.at[0], p->row.name, p->row.default_text);
}

static void sort_names(struct postconf *pc)
{
    size_t kept = 0;
    qsort(pc->names, pc->name_count, sizeof *pc->names, by_name);
    for (size_t i = 0; i < pc->name_count; i++)
        if (kept == 0 || strcmp(pc->names[kept - 1].name, pc->names[i].name) != 0)
            pc->names[kept++] = pc->names[i];
    pc->name_count = kept;
}

static void add_user_name(void *ctx, const char *name, const char *raw)
{
    struct postconf *pc = ctx;
    (void)raw;
    if (config_default(pc->cfg, name) || !postconf_used_has(pc, name))
        return;
    argv_add(&pc->owned_names, name);
    add_name(pc, pc->owned_names.at[pc->owned_names.count - 1], CLASS_USER);
}

void postconf_names_load(struct postconf *pc)
{
    config_declare(pc->cfg, known_param_rows);
    for (const struct param_row *row = known_param_rows; row->name; row++) {
        const struct old_param *old = known_param_old(param_name(row));
        if (!old || !old->is_hidden || config_set_value(pc->cfg, param_name(row)))
            add_name(pc, param_name(row), CLASS_BUILTIN);
    }
    add_services(pc);
    sort_names(pc);
    postconf_used_load(pc);
    config_each(pc->cfg, add_user_name, pc);
    sort_names(pc);
}

const struct postconf_name *postconf_names_find(const struct postconf *pc, const char *name)
{
    struct postconf_name key = {.name = name};
    return bsearch(&key, pc->names, pc->name_count, sizeof key, by_name);
}

void postconf_names_say_near(const struct postconf *pc, const char *name)
{
    const char *near[PARAM_NEAR_MOST];
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    size_t count = known_param_near(name, near, COUNT_OF(near));
    for (size_t i = 0; i < count; i++)
        strbuf_addf(&text, "%s%s", i == 0 ? "" : i + 1 < count ? ", " : " or ", near[i]);
    if (count > 0)
        postconf_warn(pc, "did you mean %s?", text.s);
}

void postconf_names_hint(const struct postconf *pc, const char *name)
{
    if (isatty(STDERR_FILENO))
        postconf_names_say_near(pc, name);
}

bool postconf_names_read_only(const char *name)
{
    static const char *const names[] = {"process_id", "process_name", "service_name"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

/* Warn of one setting in FILE. */
static void warn_setting(const struct postconf *pc, const char *file, const char *name,
                         const char *value, bool is_used)
{
    const struct old_param *old = known_param_old(name);
    if (old) {
        bool replaced = old->instead[0];
        postconf_warn(pc, "%s/%s: support for parameter \"%s\" will be removed%s%s%s", pc->dir,
                      file, name, replaced ? "; instead, specify \"" : "", old->instead,
                      replaced ? "\"" : "");
        return;
    }
    if (is_used || postconf_names_find(pc, name))
        return;
    postconf_warn(pc, "%s/%s: unused parameter: %s=%s", pc->dir, file, name, value);
    postconf_names_hint(pc, name);
}

static void warn_main_setting(void *ctx, const char *name, const char *raw)
{
    warn_setting(ctx, "main.cf", name, raw, postconf_used_has(ctx, name));
}

void postconf_names_warn_main(const struct postconf *pc)
{
    if (!pc->quiet)
        config_each(pc->cfg, warn_main_setting, (void *)(uintptr_t)pc);
}

void postconf_names_warn_master(const struct postconf *pc)
{
    for (const struct postconf_service *s = pc->services; s && !pc->quiet; s = s->next) {
        struct slice name, value;
        for (size_t at = 0; postconf_services_next_setting(s, &at, &name, &value);) {
            CLEANUP(xfree_ptr) char *name_text = slice_dup(name);
            CLEANUP(xfree_ptr) char *value_text = slice_dup(value);
            warn_setting(pc, "master.cf", name_text, value_text, argv_has(&s->used, name_text));
        }
    }
}
