/*
 * virtual: delivers into the mailboxes of virtual mailbox domains: no aliases, no .forward, no
 * commands; tables name path, user id and group id.
 */
#include "config/common_params.h"
#include "delivery/delivered_to.h"
#include "delivery/delivery.h"
#include "virtual/virtual_mailbox.h"
#include "virtual/virtual_params.h"

static void virtual_before_jail(struct config *cfg)
{
    (void)cfg;
    struct err err = ERR_INIT;
    if (!virtual_mailbox_start(&err))
        log_fatal("%s", err.reason);
}

static void virtual_on_job(struct delivery_job *job)
{
    CLEANUP(argv_done) struct argv seen = ARGV_INIT;
    struct err err = ERR_INIT;
    if (!delivered_to_collect(job->fd, job->envelope->data_offset, &seen, &err)) {
        const struct delivery_outcome o = {.dsn = "4.3.0", .relay = "virtual", .text = err.reason};
        for (size_t i = 0; i < job->recipient_count; i++)
            delivery_deferred(job, &job->recipients[i], &o);
    } else {
        for (size_t i = 0; i < job->recipient_count; i++)
            virtual_mailbox(job, &job->recipients[i], &seen);
    }
    delivery_job_done(job);
}

int main(int argc, char **argv)
{
    static const struct delivery_program program = {
        .service = {.name = "virtual",
                    .keep_root = true,
                    .params = virtual_param_rows,
                    .params_at = &virtual_params,
                    .before_jail = virtual_before_jail,
                    .has_stale_tables = virtual_mailbox_has_changed},
        .on_job = virtual_on_job,
    };
    return delivery_main(&program, argc, argv);
}
