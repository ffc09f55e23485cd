/* The life of a service process: start with what master gave it, run its loop, go when told. */
#include "service/service.h"

#include "base/clock.h"
#include "base/num.h"
#include "base/xmem.h"
#include "config/common_params.h"
#include "config/log_setup.h"
#include "log/log.h"
#include "map/map.h"
#include "service/service_private.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

struct service_process service_process;

struct loop *service_loop(void)
{
    return service_process.loop;
}

struct config *service_config(void)
{
    return service_process.config;
}

const char *service_instance(void)
{
    return service_process.args.instance;
}

const char *service_program(void)
{
    return service_process.service->name;
}

size_t service_client_count(void)
{
    return service_process.client_count;
}

size_t service_client_limit(void)
{
    return service_process.client_limit;
}

bool service_is_retiring(void)
{
    return service_process.retiring;
}

bool service_is_alone_on_stdin(void)
{
    return service_process.args.on_stdin;
}

char **service_arguments(void)
{
    return service_process.args.rest;
}

static void service_exit(void)
{
    if (service_process.service->on_exit)
        service_process.service->on_exit();
    log_flush();
    exit(0);
}

static void service_on_exit_turn(void *owner)
{
    (void)owner;
    if (service_process.client_count == 0)
        service_exit();
}

/* Not before the end of the turn: the last client's last reply is still to be written. */
static void service_exit_when_done(void)
{
    static struct later turn = {.fn = service_on_exit_turn};
    if (service_process.retiring && service_process.client_count == 0)
        loop_later(service_process.loop, &turn);
}

void service_retire(void)
{
    struct service_process *p = &service_process;
    if (p->retiring)
        return;
    p->retiring = true;
    service_status_send(MASTER_STATUS_GOING);
    service_accept_stop();
    if (p->service->on_retire && p->service->on_retire())
        service_exit();
    service_exit_when_done();
}

static void service_on_idle(void *owner)
{
    (void)owner;
    if (service_process.client_count == 0)
        service_retire();
}

/* The idle clock runs while there is no client; max_idle does not end those that must stay. */
void service_idle_clock(void)
{
    struct service_process *p = &service_process;
    if (p->service->never_idle_exit || p->args.on_stdin || !p->idle_timer)
        return;
    if (p->client_count == 0)
        timer_start(p->idle_timer, common_params.max_idle * 1000);
    else
        timer_stop(p->idle_timer);
}

void service_client_added(void)
{
    struct service_process *p = &service_process;
    p->client_count++;
    p->used++;
    if (p->client_count == 1) {
        service_idle_clock();
        service_stale_clock();
    }
    if (p->client_count >= p->client_limit)
        service_accept_pause(true);
}

void service_client_done(void)
{
    struct service_process *p = &service_process;
    if (p->client_count == 0)
        log_panic("service_client_done: no client");
    p->client_count--;
    /* max_use counts what one process of the old kind served; one of ours stands for client_limit
     * of them */
    if (!p->service->never_idle_exit && !p->service->alone && common_params.max_use > 0 &&
        p->used / p->client_limit >= (uint64_t)common_params.max_use)
        service_retire();
    service_exit_when_done();
    if (p->client_count < p->client_limit && !p->retiring)
        service_accept_pause(false);
    if (p->client_count == 0)
        service_idle_clock();
}

/* How many clients one process takes: the process limit of master.cf, which caps concurrent
 * clients, is shared out over about as many processes as there are cores, and no process takes more
 * than those before it have left. */
static size_t service_choose_client_limit(void)
{
    enum { NO_LIMIT_SHARE = 1000, ALONE = 100000 };
    struct service_process *p = &service_process;
    int64_t chosen = 0, most = p->args.clients_left > 0 ? p->args.clients_left : INT32_MAX;
    if (p->service->model == SERVICE_ONE_CLIENT)
        return 1;
    if (p->service->alone || p->service->limits_processes)
        return ALONE;
    if (p->service->clients_per_process_param) {
        const struct param_row *row =
            param_find(p->service->params, p->service->clients_per_process_param);
        if (row)
            memcpy(&chosen, (const char *)p->service->params_at + row->offset, sizeof chosen);
    }
    if (chosen > 0)
        return (size_t)MIN(chosen, most);
    if (p->args.process_limit == 0)
        return p->service->clients_share > 0 ? p->service->clients_share : NO_LIMIT_SHARE;
    long cores = MAX(sysconf(_SC_NPROCESSORS_ONLN), 1L);
    return (size_t)MIN((p->args.process_limit + cores - 1) / cores, most);
}

static void service_raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static void service_load_config(int argc, char **argv)
{
    struct service_process *p = &service_process;
    struct err err = ERR_INIT;
    CLEANUP(strbuf_done) struct strbuf number = STRBUF_ANY;
    p->config = config_new(config_choose_dir(NULL));
    service_args_parse(&p->args, p->service, p->config, argc, argv);
    if (!config_load(p->config, &err))
        log_fatal("%s", err.reason);
    strbuf_addf(&number, "%d", (int)getpid());
    config_set_default(p->config, "process_name", p->service->name);
    config_set_default(p->config, "process_id", number.s);
    config_set_default(p->config, "service_name", p->args.instance);
    if (!config_set_value(p->config, "stress"))
        config_set_default(p->config, "stress", "");
    if (p->service->params)
        config_declare(p->config, p->service->params);
    if (p->service->foreign_params)
        config_declare(p->config, p->service->foreign_params);
    if (!common_params_load(p->config, &err))
        log_fatal("%s", err.reason);
    log_setup_from_params(p->service->name);
    log_setup_say_warnings(p->config);
    if (p->service->params &&
        !params_load(p->config, p->service->params, p->service->params_at, &err))
        log_fatal("%s", err.reason);
    if (p->service->alone && p->args.process_limit != 1 && !p->args.on_stdin)
        log_fatal("service %s requires a process limit of 1 in master.cf", p->args.instance);
}

static void service_log_table_warning(const char *text)
{
    log_warn(NULL, "%s", text);
}

/* daemon_table_open_error_is_fatal: master starts the program again, after a pause. */
static void service_end_without_table(const char *reason)
{
    log_fatal("%s", reason);
}

static bool service_others_wait(void)
{
    return service_client_count() > 1;
}

/* Who becomes a recipient does not take a name or a path from proxymap, which may have been taken
 * over by whoever asks it. */
static void service_set_table_options(void)
{
    const struct service_process *p = &service_process;
    struct map_options options = map_options_of(p->config);
    if (!p->service->keep_root && !p->service->opens_proxied) {
        options.proxy_path = xasprintf("private/%s", common_params.proxymap_service_name);
        options.proxy_write_path = xasprintf("private/%s", common_params.proxywrite_service_name);
        options.is_jailed = p->args.chroot && geteuid() == 0;
    }
    if (!p->service->keep_root && !p->service->opens_proxied)
        options.others_wait = service_others_wait;
    options.on_warning = service_log_table_warning;
    if (common_params.daemon_table_open_error_is_fatal)
        options.on_unavailable = service_end_without_table;
    map_set_options(&options);
}

static void service_on_terminate(void *owner, int signum)
{
    (void)owner;
    (void)signum;
    service_exit();
}

int service_main(const struct service *service, int argc, char **argv)
{
    struct service_process *p = &service_process;
    p->service = service;
    signal(SIGPIPE, SIG_IGN);
    umask(077);
    service_raise_descriptor_limit();
    log_setup_early(service->name, 0);
    service_load_config(argc, argv);
    if (!p->args.on_stdin && chdir(common_params.queue_directory) < 0)
        log_fatal("chdir %s: %s", common_params.queue_directory, strerror(errno));

    service_set_table_options();
    if (service->before_jail)
        service->before_jail(p->config);
    service_jail_enter(&p->args, service);

    log_batch(true);
    p->loop = loop_new();
    p->client_limit = service_choose_client_limit();
    p->idle_timer = timer_new(p->loop, service_on_idle, NULL);
    watch_signal(p->loop, SIGTERM, service_on_terminate, NULL);
    /* before the hook starts threads: Landlock does not reach those that are there already */
    service_jail_lock(&p->args, service);
    if (service->after_jail)
        service->after_jail(p->config);
    if (!p->args.on_stdin) {
        service_status_start();
        service_accept_start();
    }
    service_idle_clock();
    loop_run(p->loop);
    service_exit();
    return 0;
}
