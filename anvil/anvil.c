/* anvil: counts connections and other events of clients for the servers that set limits. */
#include "anvil/anvil_params.h"
#include "anvil/anvil_server.h"
#include "anvil/anvil_table.h"
#include "log/log.h"
#include "service/service.h"

static struct anvil_table *anvil_clients;
static struct timer *anvil_report_timer, *anvil_expire_timer;

static void anvil_log(const char *line)
{
    log_info(NULL, "%s", line);
}

static void anvil_on_report(void *owner)
{
    (void)owner;
    anvil_table_report(anvil_clients, anvil_log);
    timer_start(anvil_report_timer, anvil_params.anvil_status_update_time * 1000);
}

static void anvil_on_expire(void *owner)
{
    (void)owner;
    anvil_table_expire(anvil_clients);
    timer_start(anvil_expire_timer, anvil_params.anvil_rate_time_unit * 1000);
}

static void anvil_start(struct config *cfg)
{
    (void)cfg;
    anvil_clients = anvil_table_new(anvil_params.anvil_rate_time_unit);
    anvil_report_timer = timer_new(service_loop(), anvil_on_report, NULL);
    anvil_expire_timer = timer_new(service_loop(), anvil_on_expire, NULL);
    timer_start(anvil_report_timer, anvil_params.anvil_status_update_time * 1000);
    timer_start(anvil_expire_timer, anvil_params.anvil_rate_time_unit * 1000);
}

static void anvil_accept(int fd)
{
    anvil_server_accept(service_loop(), anvil_clients, fd, service_client_done);
}

static void anvil_stop(void)
{
    if (anvil_clients)
        anvil_table_report(anvil_clients, anvil_log);
}

static const struct service anvil_service = {
    .name = "anvil",
    .model = SERVICE_MANY_CLIENTS,
    .alone = true,
    .params = anvil_param_rows,
    .params_at = &anvil_params,
    .after_jail = anvil_start,
    .on_connect = anvil_accept,
    .on_exit = anvil_stop,
};

int main(int argc, char **argv)
{
    return service_main(&anvil_service, argc, argv);
}
