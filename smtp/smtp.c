/*
 * smtp, and under its other name lmtp: delivers over the network. Many deliveries at once in one
 * process; a delivery that waits costs memory only.
 */
#include "config/common_params.h"
#include "smtp/smtp_cache.h"
#include "smtp/smtp_delivery.h"
#include "smtp/smtp_params.h"

#include <string.h>

static void before_jail(struct config *cfg)
{
    struct err err = ERR_INIT;
    if (smtp_client.is_lmtp && !smtp_params_use_lmtp(cfg, &err))
        log_fatal("%s", err.reason);
    smtp_client_open(cfg);
}

static void after_jail(struct config *cfg)
{
    (void)cfg;
    smtp_client_start(service_loop());
}

/* Kept sessions hold the peer's resources: nothing of them stays behind when there is no work. */
static void on_idle(void)
{
    if (service_client_count() == 0 || service_is_retiring())
        smtp_cache_clear();
}

int main(int argc, char **argv)
{
    const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
    const char *name = slash ? slash + 1 : argc > 0 ? argv[0] : "smtp";
    static struct delivery_program program = {
        .service = {.name = "smtp",
                    .needs = CONFINE_NETWORK,
                    .params = smtp_param_rows,
                    .params_at = &smtp_params,
                    .before_jail = before_jail,
                    .after_jail = after_jail,
                    .has_stale_tables = smtp_client_tables_changed},
        .is_event_driven = true,
        .on_job = smtp_delivery_start,
        .on_idle = on_idle,
    };
    if (strcmp(name, "lmtp") == 0) {
        smtp_client.is_lmtp = true;
        program.service.name = "lmtp";
    }
    return delivery_main(&program, argc, argv);
}
