#include "master/master.h"

#include "base/xmem.h"
#include "config/common_params.h"
#include "config/config.h"
#include "config/log_setup.h"
#include "log/log.h"

#include <unistd.h>

bool master_load_config(const char *dir, struct err *err)
{
    struct config *config = config_new(dir);
    struct common_params saved = common_params;
    config_set_default(config, "process_name", "master");
    memset(&common_params, 0, sizeof common_params);
    if (!config_load(config, err) || !common_params_load(config, err)) {
        params_done(common_param_rows, &common_params);
        common_params = saved;
        config_free(config);
        return false;
    }
    log_setup_say_warnings(config);
    if (master.config) {
        params_done(common_param_rows, &saved);
        config_free(master.config);
    }
    master.config = config;
    return true;
}

static void on_throttle_end(void *owner)
{
    struct master_service *service = owner;
    master_throttle_release(&service->throttle);
    master_service_update(service);
    master_wakeup_now(service);
}

static void service_remove(struct master_service **at)
{
    struct master_service *service = *at;
    *at = service->next;
    master_child_orphan(service);
    master_listener_close(service);
    if (service->path)
        unlink(service->path);
    master_service_free(service);
}

/* Bring the running table to what FRESH says; FRESH is used up. */
static void table_merge(struct master_service *fresh)
{
    for (struct master_service **at = &master.services; *at;) {
        struct master_service *now = master_table_find(fresh, (*at)->name, (*at)->type);
        if (!now || master_service_compare(*at, now) == MASTER_OTHER_SOCKET) {
            service_remove(at);
            continue;
        }
        master_service_adopt(*at, now);
        at = &(*at)->next;
    }
    while (fresh) {
        struct master_service *next = fresh->next;
        if (master_table_find(master.services, fresh->name, fresh->type)) {
            master_service_free(fresh);
        } else {
            fresh->throttle_timer = timer_new(master.loop, on_throttle_end, fresh);
            fresh->next = master.services;
            master.services = fresh;
        }
        fresh = next;
    }
}

static void say_old_defaults(const struct master_entry *entries, const char *file)
{
    for (const struct master_entry *e = entries; e; e = e->next)
        if (!e->is_chroot && master_entry_is_jailed(e, common_params.compatibility_level))
            log_info(NULL, "%s: line %d: using backwards-compatible default setting chroot=y", file,
                     e->line);
}

static struct master_service *table_load(struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_ANY;
    struct master_entry *entries = NULL;
    strbuf_addf(&path, "%s/master.cf", config_dir(master.config));
    CLEANUP(strbuf_done) struct strbuf warnings = STRBUF_ANY;
    if (!master_cf_load_and_warn(path.s, &entries, &warnings, err))
        return NULL;
    struct slice in = strbuf_slice(&warnings), line;
    while (slice_next_line(&in, &line))
        log_warn(NULL, "%.*s", SLICE_ARG(line));
    say_old_defaults(entries, path.s);
    struct master_service *table =
        master_table_build(entries, common_params.master_service_disable,
                           (int)MIN(common_params.default_process_limit, (int64_t)INT32_MAX));
    master_cf_free(entries);
    if (!table)
        err_set(err, ERR_CONFIG, "%s: no services", path.s);
    return table;
}

static void warn_of_jails(void)
{
    static bool warned;
    for (struct master_service *at = master.services; at && !master.is_root && !warned;
         at = at->next) {
        if (!at->is_chroot)
            continue;
        warned = true;
        log_warn(NULL, "not started by root: chroot in master.cf has no effect (service %s)",
                 at->name);
    }
}

bool master_apply_table(struct err *err)
{
    bool is_first = !master.services, all_listen = true;
    struct master_service *fresh = table_load(err);
    if (!fresh)
        return false;
    table_merge(fresh);
    warn_of_jails();
    for (struct master_service *at = master.services; at; at = at->next) {
        struct err listen_err = ERR_INIT;
        if (!master_listen(at, &listen_err)) {
            all_listen = err_set(err, listen_err.kind, "%s", listen_err.reason);
            if (!is_first)
                log_error(NULL, "service %s: %s", at->name, listen_err.reason);
        }
        master_throttle_release(&at->throttle);
        timer_stop(at->throttle_timer);
        for (struct master_child *child = at->children; child; child = child->next)
            master_child_retire(child);
        master_service_update(at);
        master_wakeup_start(at, !at->wakeup_if_used);
    }
    return all_listen || !is_first;
}

void master_reload(void)
{
    struct err err = ERR_INIT;
    CLEANUP(xfree_ptr) char *dir = xstrdup(config_dir(master.config));
    CLEANUP(xfree_ptr) char *queue = xstrdup(common_params.queue_directory);
    log_reopen(); /* the file may have been rotated */
    if (!master_load_config(dir, &err)) {
        log_error(NULL, "%s: the old configuration stays in use", err.reason);
        return;
    }
    log_setup_writer("master");
    log_setup_export();
    if (strcmp(queue, common_params.queue_directory) != 0)
        log_warn(NULL, "to change queue_directory, stop and start the mail system");
    if (!master_apply_table(&err))
        log_error(NULL, "%s: the old master.cf stays in use", err.reason);
    /* last, so that who waits for this line finds everything done */
    log_info(NULL, "reload -- version %s, configuration %s", common_params.mail_version, dir);
}
