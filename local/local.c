/*
 * local: delivery to users of this system: aliases, ~/.forward, mailboxes, files, commands.
 *
 * Runs as root, to become the recipient; parses nothing that is not needed for that as root: what
 * users wrote is opened with their rights. One delivery at a time.
 */
#include "base/argv.h"
#include "config/common_params.h"
#include "delivery/delivery.h"
#include "local/local_params.h"
#include "local/local_report.h"
#include "local/local_steps.h"
#include "local/local_user.h"
#include "log/log.h"

static void deliver_one(struct delivery_job *job, struct recipient *rcpt, struct argv *loop_headers,
                        bool *headers_read)
{
    struct local_delivery d = {.job = job, .arena = job->arena, .rcpt = rcpt};
    if (*headers_read)
        d.loop_headers = loop_headers;
    d.top = local_context_new(&d, NULL, rcpt->address);
    local_recipient(&d, d.top, NULL);
    while (local_state_step(&d))
        continue;
    local_indirect_finish(&d);
    if (d.is_expanded)
        delivery_settled_by_parts(job, rcpt);
    if (d.loop_headers && !*headers_read) { /* the same for the next recipient */
        *loop_headers = *d.loop_headers;
        *headers_read = true;
    }
}

static void on_job(struct delivery_job *job)
{
    CLEANUP(argv_done) struct argv loop_headers = ARGV_INIT;
    bool headers_read = false;
    for (size_t i = 0; i < job->recipient_count; i++)
        deliver_one(job, &job->recipients[i], &loop_headers, &headers_read);
    delivery_job_done(job);
}

static void after_jail(struct config *cfg)
{
    struct err err = ERR_INIT;
    int64_t limit = local_params.mailbox_size_limit;
    if (limit > 0 &&
        (common_params.message_size_limit == 0 || limit < common_params.message_size_limit))
        log_fatal("main.cf configuration error: mailbox_size_limit is smaller than "
                  "message_size_limit");
    if (!local_user_start(&err) || !local_mailbox_start(&err) || !local_alias_start(&err) ||
        !local_transport_start(&err) || !local_address_start(cfg, &err))
        log_fatal("%s", err.reason);
}

static bool has_stale_tables(void)
{
    return local_alias_has_changed() || local_mailbox_has_changed() ||
           local_transport_has_changed() || local_address_has_changed();
}

int main(int argc, char **argv)
{
    static const struct delivery_program program = {
        .service = {.name = "local",
                    .keep_root = true,
                    .params = local_param_rows,
                    .params_at = &local_params,
                    .after_jail = after_jail,
                    .has_stale_tables = has_stale_tables},
        .on_job = on_job,
    };
    return delivery_main(&program, argc, argv);
}
