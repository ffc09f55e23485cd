/* dnsblog: looks clients of postscreen up in DNS lists. */
#include "dnsblog/dnsblog_params.h"
#include "dnsblog/dnsblog_server.h"
#include "log/log.h"
#include "service/service.h"

static struct dnsblog_server *dnsblog_shared;

static void dnsblog_open(struct config *cfg)
{
    (void)cfg;
    struct err err = ERR_INIT;
    dnsblog_shared = dnsblog_server_new(dnsblog_params.dnsblog_reply_delay * 1000, &err);
    if (!dnsblog_shared)
        log_fatal("%s", err.reason);
}

static void dnsblog_start(struct config *cfg)
{
    (void)cfg;
    dnsblog_server_start(dnsblog_shared, service_loop(), service_client_done);
}

static void dnsblog_accept(int fd)
{
    dnsblog_server_accept(dnsblog_shared, fd);
}

static bool dnsblog_retire(void)
{
    dnsblog_server_retire(dnsblog_shared);
    return false;
}

static const struct service dnsblog_service = {
    .name = "dnsblog",
    .model = SERVICE_MANY_CLIENTS,
    .needs = CONFINE_NETWORK,
    .params = dnsblog_param_rows,
    .params_at = &dnsblog_params,
    .before_jail = dnsblog_open,
    .after_jail = dnsblog_start,
    .on_connect = dnsblog_accept,
    .on_retire = dnsblog_retire,
};

int main(int argc, char **argv)
{
    return service_main(&dnsblog_service, argc, argv);
}
