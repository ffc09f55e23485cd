/* Which filters there are, what a message tells them, and how their verdicts are logged. */
#include "cleanup/cleanup_milter.h"

#include "cleanup/cleanup_params.h"
#include "milter/milter_params.h"
#include "delivery/delivery_log.h"

static struct milter_specs local_specs;

void cleanup_milter_open(struct config *cfg)
{
    struct err err = ERR_INIT;
    if (!params_load(cfg, milter_param_rows, &milter_params, &err) ||
        !milter_specs_parse(&local_specs, "non_smtpd_milters", cleanup_params.non_smtpd_milters,
                            &err))
        log_fatal("%s", err.reason);
}

void cleanup_milter_close(void)
{
    milter_specs_done(&local_specs);
    params_done(milter_param_rows, &milter_params);
}

const struct milter_specs *cleanup_milter_specs(void)
{
    return &local_specs;
}

bool cleanup_milter_is_local(int64_t flags)
{
    return (flags & CLEANUP_FLAG_MILTER) && local_specs.count > 0;
}

void cleanup_milter_remember(struct cleanup_message *m, const char *address)
{
    if (m->heard_count == m->heard_cap) {
        m->heard_cap = m->heard_cap ? m->heard_cap * 2 : 4;
        const char **more = arena_alloc(m->arena, m->heard_cap * sizeof *more);
        for (size_t i = 0; i < m->heard_count; i++)
            more[i] = m->heard[i];
        m->heard = more;
    }
    m->heard[m->heard_count++] = address;
}

static const char *stage_name(int command)
{
    switch (command) {
    case MILTER_CONNECT:
        return "CONNECT";
    case MILTER_HELO:
        return "HELO";
    case MILTER_MAIL:
        return "MAIL";
    case MILTER_RCPT:
        return "RCPT";
    case MILTER_DATA:
        return "DATA";
    default:
        return "END-OF-MESSAGE";
    }
}

void cleanup_milter_log(const struct cleanup_message *m, const char *action, int command,
                        const char *text)
{
    CLEANUP(strbuf_done) struct strbuf line = STRBUF_INIT(8192);
    const struct envelope *env = &m->env;
    strbuf_addf(&line, "%s: %s from %s: %s; from=", action, stage_name(command),
                env->log_message_origin[0] && strcmp(env->log_message_origin, "local") != 0
                    ? env->log_message_origin
                    : "localhost[127.0.0.1]",
                text);
    delivery_log_address(env->sender, &line);
    const char *recipient = m->last_recipient;
    if (m->heard_at)
        recipient = m->heard_at;
    if (recipient[0] && strchr("RTLNBE", command)) {
        strbuf_add_str(&line, " to=");
        delivery_log_address(recipient, &line);
    }
    if (env->log_protocol_name[0])
        strbuf_addf(&line, " proto=%s", env->log_protocol_name);
    if (env->log_helo_name[0])
        strbuf_addf(&line, " helo=<%s>", env->log_helo_name);
    log_info(&m->log, "%s", line.s);
}
