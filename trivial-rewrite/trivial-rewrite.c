/*
 * trivial-rewrite(8): rewriting and resolving for programs that must not open the tables. The work
 * itself is in lib/mail; smtpd, cleanup and qmgr do it in their own process.
 */
#include "config/common_params.h"
#include "log/log.h"
#include "trivial-rewrite/rewrite_server.h"
#include "service/service.h"
#include "service/service_compat.h"

static struct rewrite_service rewriter;

static void before_jail(struct config *cfg)
{
    struct err err = ERR_INIT;
    rewriter.resolver = resolver_new(cfg, &err);
    if (!rewriter.resolver)
        log_fatal("%s", err.reason);
    rewriter.rules = rewrite_rules_from_params();
    service_compat_watch(&rewriter.rules, cfg);
}

static void after_jail(struct config *cfg)
{
    (void)cfg;
    rewriter.loop = service_loop();
    rewriter.on_done = service_client_done;
}

static void on_connect(int fd)
{
    rewrite_server_accept(&rewriter, fd);
}

/* Answers leave within the turn that brought the question, so nothing is under way; clients ask
 * the successor. */
static bool on_retire(void)
{
    rewrite_server_close_all();
    return false;
}

static bool has_stale_tables(void)
{
    return resolver_has_changed(rewriter.resolver);
}

static void on_exit_hook(void)
{
    resolver_free(rewriter.resolver);
    rewriter.resolver = NULL;
}

static const struct service trivial_rewrite_service = {
    .name = "trivial-rewrite",
    .model = SERVICE_MANY_CLIENTS,
    .needs = CONFINE_NETWORK,
    .before_jail = before_jail,
    .after_jail = after_jail,
    .on_connect = on_connect,
    .on_retire = on_retire,
    .on_exit = on_exit_hook,
    .has_stale_tables = has_stale_tables,
};

int main(int argc, char **argv)
{
    return service_main(&trivial_rewrite_service, argc, argv);
}
