/* postconf_names: every parameter name there is, and warnings of those there are not. */
#include "postconf.h"

#include "base/xmem.h"
#include "config/param.h"

// clang-format off
/* Programs' tables come before unbuilt_params.def: of two rows with one name the first counts. */
static const struct param_row all_rows[] = {
#define PARAM(kind, name, def, min, max, purpose) \
    {#name, PARAM_##kind, def, min, max, purpose, 0},
#include "postconf_all_params.inc"
#undef PARAM
    {0},
};

/* Parameters of a service that delivers mail are SERVICE_suffix. */
static const struct {
    const char *suffix, *default_text;
} transport_suffixes[] = {
    {"_delivery_slot_cost", "$default_delivery_slot_cost"},
    {"_delivery_slot_discount", "$default_delivery_slot_discount"},
    {"_delivery_slot_loan", "$default_delivery_slot_loan"},
    {"_destination_concurrency_failed_cohort_limit",
     "$default_destination_concurrency_failed_cohort_limit"},
    {"_destination_concurrency_limit", "$default_destination_concurrency_limit"},
    {"_destination_concurrency_negative_feedback",
     "$default_destination_concurrency_negative_feedback"},
    {"_destination_concurrency_positive_feedback",
     "$default_destination_concurrency_positive_feedback"},
    {"_destination_rate_delay", "$default_destination_rate_delay"},
    {"_destination_recipient_limit", "$default_destination_recipient_limit"},
    {"_extra_recipient_limit", "$default_extra_recipient_limit"},
    {"_initial_destination_concurrency", "$initial_destination_concurrency"},
    {"_minimum_delivery_slots", "$default_minimum_delivery_slots"},
    {"_recipient_limit", "$default_recipient_limit"},
    {"_recipient_refill_delay", "$default_recipient_refill_delay"},
    {"_recipient_refill_limit", "$default_recipient_refill_limit"},
    {"_transport_rate_delay", "$default_transport_rate_delay"},
};
// clang-format on

enum { SHOWN, HIDDEN };

static const struct deprecated_name {
    const char *name, *instead;
    bool is_hidden;
} deprecated_names[] = {
#define DEPRECATED(name, instead, hidden) {#name, instead, hidden},
#include "deprecated_names.def"
#undef DEPRECATED
};

static const struct deprecated_name *find_deprecated(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(deprecated_names); i++)
        if (strcmp(deprecated_names[i].name, name) == 0)
            return &deprecated_names[i];
    return NULL;
}

static bool is_one_of(const char *word, const char *const *list)
{
    for (; *list; list++)
        if (strcmp(word, *list) == 0)
            return true;
    return false;
}

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
    static const char *const delivery[] = {"local", "virtual", "smtp", "lmtp",
                                           "error", "pipe",    NULL};
    static const char *const timed[] = {"pipe", "spawn", NULL};
    for (const struct postconf_service *s = pc->services; s; s = s->next) {
        const char *service = s->fields.at[0], *command = s->fields.at[7];
        if (is_one_of(command, delivery))
            for (size_t i = 0; i < COUNT_OF(transport_suffixes); i++)
                add_service_name(pc, service, transport_suffixes[i].suffix,
                                 transport_suffixes[i].default_text);
        if (is_one_of(command, timed))
            add_service_name(pc, service, "_time_limit", "$command_time_limit");
    }
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
    config_declare(pc->cfg, all_rows);
    for (const struct param_row *row = all_rows; row->name; row++) {
        const struct deprecated_name *deprecated = find_deprecated(param_name(row));
        if (!deprecated || !deprecated->is_hidden || config_set_value(pc->cfg, param_name(row)))
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

/* Warn of one setting in FILE. */
static void warn_setting(const struct postconf *pc, const char *file, const char *name,
                         const char *value)
{
    const struct deprecated_name *deprecated = find_deprecated(name);
    if (deprecated) {
        bool replaced = deprecated->instead[0];
        postconf_warn(pc, "%s/%s: support for parameter \"%s\" will be removed%s%s%s", pc->dir,
                      file, name, replaced ? "; instead, specify \"" : "", deprecated->instead,
                      replaced ? "\"" : "");
        return;
    }
    if (!postconf_names_find(pc, name) && !postconf_used_has(pc, name))
        postconf_warn(pc, "%s/%s: unused parameter: %s=%s", pc->dir, file, name, value);
}

static void warn_main_setting(void *ctx, const char *name, const char *raw)
{
    warn_setting(ctx, "main.cf", name, raw);
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
            warn_setting(pc, "master.cf", name_text, value_text);
        }
    }
}
