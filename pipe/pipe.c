/*
 * pipe: delivers by running a command of the administrator's, with the message as its input
 * (pipe(8)). One command an order, for all recipients of the order.
 */
#include "pipe/pipe_attributes.h"
#include "pipe/pipe_deliver.h"
#include "pipe/pipe_params.h"

#include "config/common_params.h"
#include "delivery/delivery.h"

static struct pipe_attributes attributes;

static void before_jail(struct config *cfg)
{
    struct err err = ERR_INIT;
    if (!pipe_attributes_parse(service_arguments(), common_params.mail_owner, &attributes, &err) ||
        !pipe_deliver_start(cfg, &attributes, &err))
        log_fatal("%s", err.reason);
}

static void on_exit_hook(void)
{
    pipe_attributes_done(&attributes);
}

int main(int argc, char **argv)
{
    static const struct delivery_program program = {
        .service = {.name = "pipe",
                    .keep_root = true,
                    .takes_arguments = true,
                    .params = pipe_param_rows,
                    .params_at = &pipe_params,
                    .before_jail = before_jail,
                    .on_exit = on_exit_hook},
        .on_job = pipe_deliver,
    };
    return delivery_main(&program, argc, argv);
}
