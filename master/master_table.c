#include "master/master.h"

#include "base/xmem.h"
#include "config/common_params.h"
#include "config/config.h"
#include "log/log.h"

static char *service_path(const struct master_entry *entry)
{
    if (entry->type == SERVICE_INET)
        return NULL;
    return xasprintf("%s/%s", entry->is_private ? "private" : "public", entry->name);
}

struct master_service *master_service_new(const struct master_entry *entry, int default_limit)
{
    struct master_service *service = xzalloc(sizeof *service);
    *service = (struct master_service){
        .name = xstrdup(entry->name),
        .type = entry->type,
        .is_private = entry->is_private,
        .is_unprivileged = entry->is_unprivileged,
        .is_chroot = master_entry_is_jailed(entry, common_params.compatibility_level),
        .wakeup_seconds = entry->wakeup_seconds,
        .wakeup_if_used = entry->wakeup_if_used,
        .max_processes = entry->max_processes < 0 ? default_limit : entry->max_processes,
        .program = xstrdup(entry->program),
        .path = service_path(entry),
    };
    for (size_t i = 0; i < entry->args.count; i++)
        argv_add(&service->args, entry->args.at[i]);
    service->title = xstrdup(service->path ? service->path : service->name);
    return service;
}

void master_service_free(struct master_service *service)
{
    if (!service)
        return;
    timer_free(service->throttle_timer);
    timer_free(service->wakeup_timer);
    free(service->name);
    free(service->program);
    free(service->path);
    free(service->title);
    argv_done(&service->args);
    free(service);
}

static bool same_args(const struct argv *a, const struct argv *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (strcmp(a->at[i], b->at[i]) != 0)
            return false;
    return true;
}

enum master_change master_service_compare(const struct master_service *old,
                                          const struct master_service *fresh)
{
    if (old->type != fresh->type || strcmp(old->title, fresh->title) != 0)
        return MASTER_OTHER_SOCKET;
    bool same = old->is_unprivileged == fresh->is_unprivileged &&
                old->is_chroot == fresh->is_chroot &&
                old->wakeup_seconds == fresh->wakeup_seconds &&
                old->wakeup_if_used == fresh->wakeup_if_used &&
                old->max_processes == fresh->max_processes &&
                strcmp(old->program, fresh->program) == 0 && same_args(&old->args, &fresh->args);
    return same ? MASTER_SAME : MASTER_CHANGED;
}

void master_service_adopt(struct master_service *old, struct master_service *fresh)
{
    char *program = old->program;
    struct argv args = old->args;
    old->is_unprivileged = fresh->is_unprivileged;
    old->is_chroot = fresh->is_chroot;
    old->wakeup_seconds = fresh->wakeup_seconds;
    old->wakeup_if_used = fresh->wakeup_if_used;
    old->max_processes = fresh->max_processes;
    old->program = fresh->program;
    old->args = fresh->args;
    fresh->program = program; /* freed with it */
    fresh->args = args;
}

struct master_service *master_table_find(struct master_service *table, const char *name,
                                         enum service_type type)
{
    for (; table; table = table->next)
        if (table->type == type && strcmp(table->name, name) == 0)
            return table;
    return NULL;
}

/* "inet" names all services of that type, "NAME/TYPE" one; "smtp.unix" is the older spelling. */
static bool is_disabled(const struct master_entry *entry, const char *disabled)
{
    struct slice in = slice_of(disabled), item, name, type;
    while (slice_next_item(&in, &item)) {
        const char *type_name = service_type_name(entry->type);
        if (slice_eq(item, type_name))
            return true;
        if ((slice_rsplit(item, '/', &name, &type) || slice_rsplit(item, '.', &name, &type)) &&
            slice_eq(name, entry->name) && slice_eq(type, type_name))
            return true;
    }
    return false;
}

static void table_remove(struct master_service **table, struct master_service *service)
{
    while (*table != service)
        table = &(*table)->next;
    *table = service->next;
    master_service_free(service);
}

struct master_service *master_table_build(const struct master_entry *entries, const char *disabled,
                                          int default_limit)
{
    struct master_service *table = NULL, **last;
    for (const struct master_entry *entry = entries; entry; entry = entry->next) {
        struct master_service *same = master_table_find(table, entry->name, entry->type);
        if (same) {
            log_warn(NULL,
                     "duplicate master.cf entry for service \"%s\" (%s) -- using the last entry",
                     entry->name, service_type_name(entry->type));
            table_remove(&table, same);
        }
        for (last = &table; *last;)
            last = &(*last)->next;
        if (!is_disabled(entry, disabled))
            *last = master_service_new(entry, default_limit);
    }
    return table;
}
