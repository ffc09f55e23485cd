/* cleanup(8): new mail into canonical form and into the queue. */
#include "cleanup/cleanup_bounce.h"
#include "cleanup/cleanup_commit.h"
#include "cleanup/cleanup_milter.h"
#include "cleanup/cleanup_notify.h"
#include "cleanup/cleanup_params.h"
#include "cleanup/cleanup_session.h"
#include "cleanup/cleanup_sync.h"
#include "cleanup/cleanup_tables.h"
#include "log/log.h"
#include "service/service.h"
#include "service/service_compat.h"

#include <signal.h>

static void before_jail(struct config *cfg)
{
    cleanup_tables_open();
    cleanup_sync_prepare();
    service_compat_watch(&cleanup_tables.rules, cfg);
    cleanup_milter_open(cfg);
}

static void after_jail(struct config *cfg)
{
    (void)cfg;
    signal(SIGXFSZ, SIG_IGN); /* a file size limit is a write error, not the end of all sessions */
    cleanup_commit_start(service_loop());
    cleanup_notify_start(service_loop());
    cleanup_milter_start(service_loop());
    cleanup_bounce_start(service_loop());
}

static bool on_retire(void)
{
    cleanup_session_retire();
    return false;
}

static void on_exit_hook(void)
{
    cleanup_commit_stop();
    cleanup_notify_stop();
    cleanup_bounce_stop();
    cleanup_milter_close();
    cleanup_tables_close();
}

static const struct service cleanup_service = {
    .name = "cleanup",
    .model = SERVICE_MANY_CLIENTS,
    .clients_share = 25, /* a message is work for a core: creating files, headers, tables */
    .needs = CONFINE_WRITES_QUEUE | CONFINE_NETWORK,
    .params = cleanup_param_rows,
    .params_at = &cleanup_params,
    .before_jail = before_jail,
    .after_jail = after_jail,
    .on_connect = cleanup_session_start,
    .on_retire = on_retire,
    .on_exit = on_exit_hook,
    .has_stale_tables = cleanup_tables_have_changed,
};

int main(int argc, char **argv)
{
    return service_main(&cleanup_service, argc, argv);
}
