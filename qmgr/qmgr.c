/*
 * qmgr: owns the active queue, and decides what is delivered when, by which program, how many at
 * once.
 *
 * When it is told to go (reload, changed tables) it goes at once. Nothing is lost: every message it
 * had in work is a file in active, which the successor moves back to incoming. Nothing is doubled:
 * a delivery program that is at work on a message holds a lock on its file, so the successor leaves
 * it alone until the program has marked its recipients; an order that no program has begun is
 * dropped by the program, which sees that the connection is closed.
 */
#include "delivery/delivery_flush.h"
#include "qmgr/qmgr.h"

#include <unistd.h>

static struct timer *watchdog;

/* A turn of the loop that takes longer than qmgr_daemon_timeout ends the process by SIGALRM. */
static void watchdog_restart(void *owner)
{
    (void)owner;
    alarm((unsigned)qmgr_params.qmgr_daemon_timeout);
    timer_start(watchdog, qmgr_params.qmgr_daemon_timeout * 1000 / 3);
}

static void before_jail(struct config *cfg)
{
    struct err err = ERR_INIT;
    qmgr_transport_init(cfg);
    delivery_flush_open_list();
    if (!qmgr_resolve_init(cfg, &err))
        log_fatal("%s", err.reason);
}

static void after_jail(struct config *cfg)
{
    (void)cfg;
    watchdog = timer_new(service_loop(), watchdog_restart, NULL);
    watchdog_restart(NULL);
    qmgr_bounce_init();
    delivery_flush_open(service_loop());
    qmgr_scan_init();
}

static bool has_stale_tables(void)
{
    return qmgr_resolve_has_stale_tables() || delivery_flush_is_stale();
}

static bool on_retire(void)
{
    return true;
}

/* Files that are being removed are gone when the successor starts, and the log says so. */
static void on_exit_now(void)
{
    qmgr_active_stop();
    qmgr_remove_drain();
}

int main(int argc, char **argv)
{
    static const struct service service = {
        .name = "qmgr",
        .model = SERVICE_MANY_CLIENTS,
        .needs = CONFINE_WRITES_QUEUE | CONFINE_NETWORK,
        .alone = true,
        .never_idle_exit = true,
        .params = qmgr_param_rows,
        .params_at = &qmgr_params,
        .before_jail = before_jail,
        .after_jail = after_jail,
        .on_connect = qmgr_arrival_on_connect,
        .on_trigger = qmgr_arrival_on_trigger,
        .on_retire = on_retire,
        .on_exit = on_exit_now,
        .has_stale_tables = has_stale_tables,
    };
    return service_main(&service, argc, argv);
}
