/*
 * A process that dies while the command runs leaves its recipients unmarked: qmgr defers them, and
 * the command, which may have done its work, runs once more. Nothing is lost.
 */
#include "pipe/pipe_deliver.h"

#include "config/common_params.h"
#include "delivery/command_run.h"
#include "delivery/command_service.h"
#include "delivery/delivered_to.h"
#include "pipe/pipe_command.h"

#include <string.h>

static const struct pipe_attributes *attributes;
static int64_t time_limit_s;

bool pipe_deliver_start(struct config *cfg, const struct pipe_attributes *a, struct err *err)
{
    attributes = a;
    return command_service_time_limit(cfg, service_instance(), &time_limit_s, err);
}

typedef void (*settle_fn)(struct delivery_job *job, struct recipient *rcpt,
                          const struct delivery_outcome *o);

static void settle_all(struct delivery_job *job, settle_fn settle, const char *dsn,
                       const char *text)
{
    const struct delivery_outcome o = {
        .dsn = dsn,
        .relay = service_instance(),
        .text = text,
        .action = settle != delivery_sent               ? NULL
                  : attributes->flags & PIPE_FLAG_FINAL ? "delivered"
                                                        : "relayed",
    };
    for (size_t i = 0; i < job->recipient_count; i++)
        settle(job, &job->recipients[i], &o);
}

static void misconfigured(struct delivery_job *job)
{
    settle_all(job, delivery_deferred, "4.3.5", "mail system configuration error");
}

/* False: all recipients are settled. */
static bool is_fit(struct delivery_job *job, struct argv *seen)
{
    struct err err = ERR_INIT;
    const char *address = job->recipients[0].address;
    if (attributes->flags & (PIPE_FLAG_DELIVERED_TO | PIPE_FLAG_ORIGINAL_TO) &&
        job->recipient_count > 1) {
        log_warn(NULL, "pipe flag `%c' requires %s_destination_recipient_limit = 1",
                 attributes->flags & PIPE_FLAG_DELIVERED_TO ? 'D' : 'O', service_instance());
        misconfigured(job);
        return false;
    }
    if (attributes->size_limit > 0 && job->envelope->message_size > attributes->size_limit) {
        settle_all(job, delivery_bounced, "5.2.3", "message too large");
        return false;
    }
    if (!(attributes->flags & PIPE_FLAG_DELIVERED_TO))
        return true;
    if (!delivered_to_collect(job->fd, job->envelope->data_offset, seen, &err)) {
        settle_all(job, delivery_deferred, "4.3.0", err.reason);
        return false;
    }
    if (!delivered_to_has(seen, address))
        return true;
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    strbuf_addf(&text, "mail forwarding loop for %s", address);
    settle_all(job, delivery_bounced, "5.4.6", text.s);
    return false;
}

static void settle_by(struct delivery_job *job, const struct command_result *result,
                      const char *command)
{
    CLEANUP(strbuf_done) struct strbuf dsn = STRBUF_ANY;
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    if (command_run_verdict(result, command, &dsn, &text)) {
        settle_all(job, dsn.s[0] == '4' ? delivery_deferred : delivery_bounced, dsn.s, text.s);
        return;
    }
    strbuf_addf(&text, "delivered via %s service", service_instance());
    command_run_add_output(result, &text);
    settle_all(job, delivery_sent, "2.0.0", text.s);
}

static void run(struct delivery_job *job, const struct argv *command)
{
    CLEANUP(argv_done) struct argv env = ARGV_INIT;
    CLEANUP(command_result_done) struct command_result result;
    struct err err = ERR_INIT;
    const struct recipient *rcpt = &job->recipients[0];
    const struct mailbox_message message = {
        .queue_fd = job->fd,
        .data_offset = job->envelope->data_offset,
        .sender = pipe_command_sender(attributes, job->envelope),
        .original_recipient = !(attributes->flags & PIPE_FLAG_ORIGINAL_TO) ? NULL
                              : rcpt->orig_address[0]                      ? rcpt->orig_address
                                                                           : rcpt->address,
        .delivered_to = attributes->flags & PIPE_FLAG_DELIVERED_TO ? rcpt->address : NULL,
        .eol = attributes->eol.s,
    };
    if (!command_service_environment(&env, &err))
        log_fatal("%s", err.reason);
    const struct command_run what = {
        .program = "pipe",
        .where = "pipe_command: ",
        .command = command->at[0],
        .argv = command->at,
        .rights = attributes->rights,
        .chroot = attributes->chroot,
        .directory = attributes->directory,
        .environment = &env,
        .time_limit_s = time_limit_s,
        .form = attributes->form,
    };
    command_result_init(&result);
    command_run(&what, &message, &result);
    settle_by(job, &result, command->at[0]);
}

static void tell_only(struct delivery_job *job)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    strbuf_addf(&text, "delivers to command: %s", attributes->command.at[0]);
    settle_all(job, delivery_sent, "2.0.0", text.s);
}

void pipe_deliver(struct delivery_job *job)
{
    CLEANUP(argv_done) struct argv seen = ARGV_INIT;
    CLEANUP(argv_done) struct argv command = ARGV_INIT;
    struct err err = ERR_INIT;
    const struct pipe_message message = {
        .queue_id = job->request.queue_id,
        .nexthop = job->request.nexthop,
        .envelope = job->envelope,
        .recipients = job->recipients,
        .recipient_count = job->recipient_count,
    };
    if (job->recipient_count == 0 || !is_fit(job, &seen))
        ;
    else if (job->request.flags & DELIVERY_TRACE_ONLY)
        tell_only(job);
    else if (pipe_command_expand(attributes, &message, &command, &err))
        run(job, &command);
    else {
        log_warn(NULL, "file %s/master.cf: service %s: %s", common_params.config_directory,
                 service_instance(), err.reason);
        misconfigured(job);
    }
    delivery_job_done(job);
}
