/*
 * flush: remembers which deferred mail waits for which site, so that ETRN and its like deliver that
 * mail without looking at the whole queue.
 */
#include "flush/flush_params.h"
#include "flush/flush_server.h"
#include "flush/flush_work.h"
#include "service/service.h"

static void flush_before_jail(struct config *cfg)
{
    (void)cfg;
    flush_server_open_tables();
}

static void flush_after_jail(struct config *cfg)
{
    (void)cfg;
    flush_work_start(service_loop(), flush_params.fast_flush_refresh_time,
                     flush_params.fast_flush_purge_time);
}

static void flush_accept(int fd)
{
    flush_server_accept(service_loop(), fd, service_client_done);
}

/* master's wake-up */
static void flush_on_trigger(struct slice letters)
{
    (void)letters;
    flush_work_refresh(false);
}

static const struct service flush_service = {
    .name = "flush",
    .model = SERVICE_MANY_CLIENTS,
    .needs = CONFINE_WRITES_QUEUE | CONFINE_NETWORK,
    .params = flush_param_rows,
    .params_at = &flush_params,
    .before_jail = flush_before_jail,
    .after_jail = flush_after_jail,
    .on_connect = flush_accept,
    .on_trigger = flush_on_trigger,
    .has_stale_tables = flush_server_has_stale_tables,
};

int main(int argc, char **argv)
{
    return service_main(&flush_service, argc, argv);
}
