/* |command destinations and mailbox_command. */
#include "base/argv.h"
#include "config/clean_env.h"
#include "config/common_params.h"
#include "delivery/command_run.h"
#include "local/local_macros.h"
#include "local/local_params.h"
#include "local/local_report.h"
#include "local/local_steps.h"
#include "local/local_user.h"
#include "log/log.h"

#include <stdlib.h>
#include <string.h>

/* NAME=value, the value cleaned of what a shell might act on. */
static void add(struct argv *env, const char *name, const char *value)
{
    CLEANUP(strbuf_done) struct strbuf clean = STRBUF_ANY;
    local_macros_filter(value, local_params.command_expansion_filter, &clean);
    argv_addf(env, "%s=%s", name, clean.s);
}

static void add_known(struct argv *env, const char *name, const char *value)
{
    if (value && *value)
        add(env, name, value);
}

static void add_exported(struct argv *env)
{
    struct err err = ERR_INIT;
    if (!clean_env_list(common_params.export_environment, env, &err))
        log_fatal("export_environment: %s", err.reason);
}

static void environment(const struct local_delivery *d, const struct local_context *ctx,
                        const struct local_user *user, struct argv *env)
{
    const struct envelope *e = d->job->envelope;
    const char *original = d->rcpt->orig_address[0] ? d->rcpt->orig_address : d->rcpt->address;
    add_exported(env);
    argv_add(env, "PATH=/usr/bin:/bin");
    if (user && user->shell[0])
        argv_addf(env, "SHELL=%s", user->shell);
    if (user && user->home[0])
        argv_addf(env, "HOME=%s", user->home);
    add(env, "USER", user ? user->name : ctx->name);
    add(env, "LOGNAME", user ? user->name : ctx->name);
    add(env, "SENDER", ctx->owner ? ctx->owner : e->sender);
    add(env, "RECIPIENT", ctx->address);
    add(env, "ORIGINAL_RECIPIENT", original);
    add(env, "LOCAL", ctx->local_part);
    add_known(env, "DOMAIN", ctx->domain);
    add_known(env, "EXTENSION", ctx->extension);
    add_known(env, "CLIENT_ADDRESS", e->log_client_address);
    add_known(env, "CLIENT_HELO", e->log_helo_name);
    add_known(env, "CLIENT_HOSTNAME", e->log_client_name);
    add_known(env, "CLIENT_PROTOCOL", e->log_protocol_name);
    add_known(env, "SASL_METHOD", e->sasl_method);
    add_known(env, "SASL_SENDER", e->sasl_sender);
    add_known(env, "SASL_USERNAME", e->sasl_username);
    add_known(env, "ENVID", e->dsn_envid);
}

static bool directory(struct local_delivery *d, const struct local_context *ctx,
                      const struct local_user *user, struct strbuf *out)
{
    struct err err = ERR_INIT;
    if (local_macros_expand(ctx, user, local_params.execution_directory_expansion_filter,
                            slice_of(local_params.command_execution_directory), out, &err))
        return true;
    log_warn(&d->job->log, "command_execution_directory: %s", err.reason);
    local_failed(d, ctx, "4.3.0", "command_execution_directory: %s", err.reason);
    return false;
}

static void run(struct local_delivery *d, const struct local_context *ctx,
                const struct local_user *user, const struct user_rights *rights,
                const char *command)
{
    CLEANUP(strbuf_done) struct strbuf cwd = STRBUF_ANY;
    CLEANUP(strbuf_done) struct strbuf dsn = STRBUF_ANY;
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    CLEANUP(argv_done) struct argv env = ARGV_INIT;
    CLEANUP(command_result_done) struct command_result result;
    struct mailbox_message m = local_message(d, ctx, "command");
    command_result_init(&result);
    if (!directory(d, ctx, user, &cwd))
        return;
    environment(d, ctx, user, &env);
    const struct command_run what = {
        .program = service_program(),
        .command = command,
        .shell = local_params.local_command_shell,
        .rights = *rights,
        .directory = cwd.len > 0 ? cwd.s : NULL,
        .environment = &env,
        .time_limit_s = common_params.command_time_limit,
        .file_limit = local_params.mailbox_size_limit,
        .form = MAILBOX_FORM_COMMAND,
    };
    command_run(&what, &m, &result);
    if (command_run_verdict(&result, command, &dsn, &text))
        local_failed(d, ctx, dsn.s, "%s", text.s);
    else
        local_sent(d, ctx, "delivered to command: %s", command);
}

void local_command_mailbox(struct local_delivery *d, const struct local_context *ctx,
                           const struct local_user *user, const char *command)
{
    if (local_is_trace_only(d)) {
        local_sent(d, ctx, "delivers to command: %s", command);
        return;
    }
    /* never with the rights of the super-user */
    const struct user_rights *rights =
        user->rights.uid == 0 ? local_user_default_rights() : &user->rights;
    run(d, ctx, user, rights, command);
}

/* Where commands (files) may be listed: alias, forward, include. */
static bool is_allowed(const struct local_context *ctx, const char *list)
{
    static const char *const words[] = {[LOCAL_SOURCE_NONE] = "",
                                        [LOCAL_SOURCE_ALIAS] = "alias",
                                        [LOCAL_SOURCE_FORWARD] = "forward",
                                        [LOCAL_SOURCE_INCLUDE] = "include"};
    return local_list_has(list, words[ctx->source]);
}

static const struct user_rights *rights_for(const struct local_context *ctx)
{
    const struct user_rights *rights = ctx->rights;
    return rights && rights->uid != 0 ? rights : local_user_default_rights();
}

void local_command(struct local_delivery *d, const struct local_context *ctx, const char *command)
{
    if (!is_allowed(ctx, local_params.allow_mail_to_commands)) {
        local_failed(d, ctx, "5.7.1", "mail to command is restricted");
        return;
    }
    const struct user_rights *rights = rights_for(ctx);
    if (local_seen_before(d, arena_printf(d->arena, "command %u", (unsigned)rights->uid), command))
        return;
    if (local_is_trace_only(d)) {
        local_sent(d, ctx, "delivers to command: %s", command);
        return;
    }
    run(d, ctx, ctx->user, rights, command);
}
