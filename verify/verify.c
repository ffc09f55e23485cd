/* verify: remembers which addresses can be delivered to, and finds out by probe messages. */
#include "log/log.h"
#include "service/service.h"
#include "verify/verify_params.h"
#include "verify/verify_probe.h"
#include "verify/verify_server.h"

static struct verify_cache *verify_table;
static struct timer *verify_clean_timer;

static const char *verify_table_name(void)
{
    const char *name = verify_params.address_verify_map;
    return name[0] ? name : "internal:verify";
}

static void verify_on_clean(void *owner)
{
    (void)owner;
    struct err err = ERR_INIT;
    size_t kept, dropped;
    if (verify_cache_clean(verify_table, verify_server_is_dead, &kept, &dropped, &err))
        log_info(NULL, "cache %s full cleanup: retained=%zu dropped=%zu entries",
                 verify_table_name(), kept, dropped);
    else
        log_warn(NULL, "cache %s cleanup: %s", verify_table_name(), err.reason);
    timer_start(verify_clean_timer, verify_params.address_verify_cache_cleanup_interval * 1000);
}

static void verify_open(struct config *cfg)
{
    (void)cfg;
    struct err err = ERR_INIT;
    verify_table = verify_cache_open(verify_params.address_verify_map, &err);
    if (!verify_table)
        log_fatal("%s", err.reason);
}

static void verify_start(struct config *cfg)
{
    (void)cfg;
    verify_probe_start(service_loop());
    verify_server_start(service_loop(), verify_table);
    if (verify_params.address_verify_cache_cleanup_interval <= 0)
        return;
    verify_clean_timer = timer_new(service_loop(), verify_on_clean, NULL);
    timer_start(verify_clean_timer, 0);
}

static void verify_accept(int fd)
{
    verify_server_accept(fd, service_client_done);
}

static void verify_stop(void)
{
    verify_probe_stop();
    verify_cache_close(verify_table);
    verify_table = NULL;
}

static const struct service verify_service = {
    .name = "verify",
    .model = SERVICE_MANY_CLIENTS,
    .alone = true,
    .needs = CONFINE_WRITES_DATA | CONFINE_NETWORK,
    .params = verify_param_rows,
    .params_at = &verify_params,
    .before_jail = verify_open,
    .after_jail = verify_start,
    .on_connect = verify_accept,
    .on_exit = verify_stop,
};

int main(int argc, char **argv)
{
    return service_main(&verify_service, argc, argv);
}
