/*
 * scache: the service of that name, which a master.cf of Postfix has an entry for. Connections to
 * other servers are kept by smtp(8) itself (docs/decisions/0058), so it holds nothing: who asks is
 * told by the end of the connection, and the administrator by the log.
 */
#include "log/log.h"
#include "service/service.h"

#include <unistd.h>

static void scache_accept(int fd)
{
    log_warn(NULL, "%s: a program asked for a kept connection; here smtp(8) keeps its own",
             service_instance());
    close(fd);
    service_client_done();
}

static const struct service scache_service = {
    .name = "scache",
    .model = SERVICE_MANY_CLIENTS,
    .alone = true,
    .on_connect = scache_accept,
};

int main(int argc, char **argv)
{
    return service_main(&scache_service, argc, argv);
}
