/* smtpd: the SMTP server. */
#include "log/log.h"
#include "service/service.h"
#include "smtpd/smtpd_params.h"
#include "smtpd/smtpd_proxy.h"
#include "smtpd/smtpd_server.h"
#include "smtpd/smtpd_session.h"

static struct smtpd_server smtpd_shared;

static void smtpd_open(struct config *cfg)
{
    smtpd_server_open(&smtpd_shared, cfg);
}

/* The session on standard input is over, and so is the process. */
static void smtpd_stop(void)
{
    loop_stop(service_loop());
}

static void smtpd_start(struct config *cfg)
{
    (void)cfg;
    smtpd_shared.service = service_instance();
    bool on_stdin = service_is_alone_on_stdin();
    smtpd_shared.on_session_end = on_stdin ? smtpd_stop : service_client_done;
    smtpd_server_start(&smtpd_shared, service_loop());
    if (on_stdin)
        smtpd_session_start_stdin(&smtpd_shared);
}

static void smtpd_accept(int fd)
{
    smtpd_session_start(&smtpd_shared, fd);
}

static void smtpd_take_over(int fd, const struct haproxy_peers *peers)
{
    smtpd_session_take_over(&smtpd_shared, fd, peers);
}

/* Of a process for one user's commands nothing stays behind; a daemon does not wait for threads
 * that wait for DNS. */
static void smtpd_exit(void)
{
    if (service_is_alone_on_stdin())
        smtpd_server_close(&smtpd_shared);
}

static bool smtpd_is_stale(void)
{
    return smtpd_server_has_stale_tables(&smtpd_shared);
}

static unsigned smtpd_more_needs(void)
{
    return smtpd_proxy_needs_file() ? CONFINE_WRITES_QUEUE : 0;
}

static const struct service smtpd_service = {
    .name = "smtpd",
    .model = SERVICE_MANY_CLIENTS,
    .needs = CONFINE_NETWORK,
    .more_needs = smtpd_more_needs,
    .params = smtpd_param_rows,
    .params_at = &smtpd_params,
    .clients_per_process_param = "smtpd_sessions_per_process",
    .before_jail = smtpd_open,
    .after_jail = smtpd_start,
    .on_connect = smtpd_accept,
    .on_pass = smtpd_take_over,
    .on_exit = smtpd_exit,
    .has_stale_tables = smtpd_is_stale,
};

int main(int argc, char **argv)
{
    return service_main(&smtpd_service, argc, argv);
}
