/*
 * postconf_used: names of the administrator's own that something refers to.
 *
 * By $name in a value of main.cf or master.cf, as a restriction class, or as a parameter of a
 * lookup table. A value of master.cf sees the settings of its own entry first, then main.cf.
 */
#include "postconf.h"

#include "config/param.h"

struct scope {
    struct postconf *pc;
    struct postconf_service *service; /* NULL: main.cf */
    const char *file;
};

static bool refer_in_service(struct postconf_service *service, struct slice name)
{
    struct slice value;
    if (!postconf_services_setting(service, name, &value))
        return false;
    argv_add_slice(&service->used, name);
    return true;
}

/* A reference to NAME: marks it used. False if nothing sets or declares it. A value of main.cf sees
 * the settings of whichever service reads it. */
static bool refer(struct scope *scope, struct slice name)
{
    bool found = false;
    if (scope->service && refer_in_service(scope->service, name))
        return true;
    for (struct postconf_service *s = scope->pc->services; s && !scope->service; s = s->next)
        found = refer_in_service(s, name) || found;
    argv_add_slice(&scope->pc->used, name);
    return found ||
           config_raw(scope->pc->cfg, scope->pc->used.at[scope->pc->used.count - 1]) != NULL;
}

static void refer_or_warn(struct scope *scope, struct slice name)
{
    if (!refer(scope, name))
        postconf_warn(scope->pc, "%s/%s: undefined parameter: %.*s", scope->pc->dir, scope->file,
                      SLICE_ARG(name));
}

static const char *refer_in_value(void *ctx, struct slice name)
{
    refer_or_warn(ctx, name);
    return NULL;
}

static const char *refer_in_default(void *ctx, struct slice name)
{
    argv_add_slice(&((struct postconf *)ctx)->used, name);
    return NULL;
}

static void refer_in_table(void *ctx, struct slice name)
{
    (void)refer(ctx, name);
}

/* The value of a parameter that some program reads. */
static void check_value(struct scope *scope, const char *name, struct slice value)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    postconf_services_expand(scope->pc, scope->service, value, &text);
    postconf_tables_find(scope->pc, scope->file, strbuf_slice(&text), refer_in_table, scope);
    struct slice in = strbuf_slice(&text), word;
    while (strcmp(name, "smtpd_restriction_classes") == 0 && slice_next_item(&in, &word))
        refer_or_warn(scope, word);
}

static void check_setting(struct scope *scope, const char *name, struct slice value)
{
    struct postconf *pc = scope->pc;
    struct err err = ERR_INIT;
    if (postconf_names_read_only(name))
        postconf_warn(pc, "%s/%s: read-only parameter assignment: %s=%.*s", pc->dir, scope->file,
                      name, SLICE_ARG(value));
    const struct param_row *row = config_row(pc->cfg, name);
    if (row && row->kind == PARAM_RAW)
        return; /* its $names are those of the program that reads it */
    if (!config_scan(refer_in_value, scope, value, &err))
        postconf_warn(pc, "%s", err.reason);
    if (postconf_names_find(pc, name))
        check_value(scope, name, value);
}

static void check_main_setting(void *ctx, const char *name, const char *raw)
{
    struct scope scope = {.pc = ctx, .file = "main.cf"};
    check_setting(&scope, name, slice_of(raw));
}

static void check_service(struct postconf *pc, struct postconf_service *service)
{
    struct scope scope = {.pc = pc, .service = service, .file = "master.cf"};
    struct slice name, value;
    for (size_t at = 0; postconf_services_next_setting(service, &at, &name, &value);) {
        CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
        strbuf_add_slice(&text, name);
        check_setting(&scope, text.s, value);
    }
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void postconf_used_load(struct postconf *pc)
{
    if (pc->defaults)
        return;
    config_each(pc->cfg, check_main_setting, pc);
    for (struct postconf_service *s = pc->services; s; s = s->next)
        check_service(pc, s);
    for (size_t i = 0; i < pc->name_count; i++) {
        const char *text = config_default(pc->cfg, pc->names[i].name);
        struct err err = ERR_INIT;
        if (text && strchr(text, '$')) /* some are no text to expand: expansion filters */
            (void)config_scan(refer_in_default, pc, slice_of(text), &err);
    }
    if (pc->used.count > 0)
        qsort(pc->used.at, pc->used.count, sizeof *pc->used.at, by_text);
}

bool postconf_used_has(const struct postconf *pc, const char *name)
{
    return pc->used.count > 0 &&
           bsearch(&name, pc->used.at, pc->used.count, sizeof *pc->used.at, by_text);
}
