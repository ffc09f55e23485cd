/* postscreen: the gate before the SMTP server. */
#include "config/known_params.h"
#include "io/sock.h"
#include "log/log.h"
#include "postscreen/postscreen_params.h"
#include "postscreen/psc_server.h"
#include "postscreen/psc_session.h"
#include "postscreen/psc_upstream.h"
#include "service/service.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct psc_server postscreen_shared;

static void postscreen_open(struct config *cfg)
{
    psc_server_open(&postscreen_shared, cfg);
}

static void postscreen_start(struct config *cfg)
{
    (void)cfg;
    postscreen_shared.on_session_end = service_client_done;
    psc_server_start(&postscreen_shared, service_loop());
    service_watchdog(postscreen_params.postscreen_watchdog_timeout);
}

static void set_end(const struct sockaddr_storage *from, char address[HAPROXY_ADDRESS_MAX],
                    uint16_t *port)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_INIT(HAPROXY_ADDRESS_MAX - 1);
    sock_address_text((const struct sockaddr *)from, &text);
    memcpy(address, text.s, text.len + 1);
    *port = (uint16_t)sock_address_port((const struct sockaddr *)from);
}

static bool ends_of(int fd, struct haproxy_peers *ret)
{
    struct sockaddr_storage client = {0}, server = {0};
    socklen_t client_len = sizeof client, server_len = sizeof server;
    if (getpeername(fd, (struct sockaddr *)&client, &client_len) < 0 ||
        getsockname(fd, (struct sockaddr *)&server, &server_len) < 0)
        return false;
    set_end(&client, ret->client_address, &ret->client_port);
    set_end(&server, ret->server_address, &ret->server_port);
    return ret->client_address[0] && ret->server_address[0];
}

static void postscreen_accept(int fd)
{
    struct haproxy_peers ends = {.is_proxied = false};
    if (!ends_of(fd, &ends)) {
        close(fd); /* gone already, or no internet socket */
        service_client_done();
    } else if (postscreen_shared.has_upstream) {
        psc_upstream_start(&postscreen_shared, fd, &ends);
    } else {
        psc_session_start(&postscreen_shared, fd, &ends);
    }
}

/* The process that follows wants the cache. */
static bool postscreen_retire(void)
{
    psc_server_let_cache_go(&postscreen_shared);
    return false;
}

static void postscreen_exit(void)
{
    psc_server_let_cache_go(&postscreen_shared);
}

static bool postscreen_is_stale(void)
{
    return psc_server_has_stale_tables(&postscreen_shared);
}

static const struct service postscreen_service = {
    .name = "postscreen",
    .model = SERVICE_MANY_CLIENTS,
    .alone = true,
    .needs = CONFINE_WRITES_DATA,
    .params = postscreen_param_rows,
    .params_at = &postscreen_params,
    .foreign_params = known_param_rows,
    .before_jail = postscreen_open,
    .after_jail = postscreen_start,
    .on_connect = postscreen_accept,
    .on_retire = postscreen_retire,
    .on_exit = postscreen_exit,
    .has_stale_tables = postscreen_is_stale,
};

int main(int argc, char **argv)
{
    return service_main(&postscreen_service, argc, argv);
}
