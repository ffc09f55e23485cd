#include "smtpd/smtpd_auth.h"

#include "base/argv.h"
#include "base/xmem.h"
#include "config/common_params.h"
#include "sasl/auth_server.h"
#include "smtpd/smtpd_ehlo.h"
#include "smtpd/smtpd_params.h"
#include "smtpd/smtpd_session.h"

#include <stdlib.h>

static unsigned policy_of(struct smtpd_server *server, const char *list)
{
    struct err err = ERR_INIT;
    unsigned policy = 0;
    if (!auth_policy_parse(server->auth, list, &policy, &err))
        log_fatal("%s", err.reason);
    return policy;
}

static void log_lines(const struct log_tag *tag, const char *text)
{
    struct slice rest = slice_of(text), line;
    while (slice_next_line(&rest, &line))
        log_warn(tag, "%.*s", SLICE_ARG(line));
}

static struct match_list *open_list(const char *title, const char *text, enum match_kind kind)
{
    unsigned flags = kind == MATCH_HOST_ADDRESS ? MATCH_PARENT : 0;
    struct match_list *list = match_list_new(title, text, kind, flags);
    log_lines(NULL, match_list_warnings(list));
    return list;
}

void smtpd_auth_open(struct smtpd_server *server)
{
    const struct smtpd_params *p = &smtpd_params;
    struct err err = ERR_INIT;
    CLEANUP(strbuf_done) struct strbuf problems = STRBUF_ANY;
    if (!p->smtpd_sasl_auth_enable)
        return;
    const struct auth_settings settings = {
        .path = p->smtpd_sasl_path,
        .service = p->smtpd_sasl_service,
        .realm = p->smtpd_sasl_local_domain,
        .hostname = common_params.myhostname,
        .config_path = p->cyrus_sasl_config_path,
        .config_directory = common_params.config_directory,
    };
    server->auth = auth_server_new(p->smtpd_sasl_type, &settings, &problems, &err);
    log_lines(NULL, problems.s);
    if (!server->auth)
        log_fatal("%s", err.reason);
    server->auth_policy = policy_of(server, p->smtpd_sasl_security_options);
    server->auth_tls_policy = policy_of(server, p->smtpd_sasl_tls_security_options);
    server->auth_filter =
        open_list("smtpd_sasl_mechanism_filter", p->smtpd_sasl_mechanism_filter, MATCH_STRING);
    server->auth_exceptions = open_list("smtpd_sasl_exceptions_networks",
                                        p->smtpd_sasl_exceptions_networks, MATCH_HOST_ADDRESS);
}

void smtpd_auth_close(struct smtpd_server *server)
{
    auth_server_free(server->auth);
    match_list_free(server->auth_filter);
    match_list_free(server->auth_exceptions);
}

bool smtpd_auth_is_stale(struct smtpd_server *server)
{
    return server->auth && (match_list_has_changed(server->auth_filter) ||
                            match_list_has_changed(server->auth_exceptions));
}

bool smtpd_auth_is_on(const struct smtpd_session *s)
{
    bool needs_tls = smtpd_params.smtpd_tls_auth_only || s->server->tls_level == SMTPD_TLS_ENCRYPT;
    return s->server->auth && (s->tls || !needs_tls) && !(s->flags & SMTPD_SESSION_STDIN) &&
           !(s->ehlo_discard & SMTPD_EHLO_AUTH);
}

struct smtpd_auth *smtpd_auth_get(struct smtpd_session *s)
{
    if (!s->auth)
        s->auth = xzalloc(sizeof *s->auth);
    return s->auth;
}

void smtpd_auth_free(struct smtpd_session *s)
{
    if (!s->auth)
        return;
    auth_wait_cancel(s->auth->wait);
    auth_cancel(s->auth->exchange);
    free(s->auth->mechanism);
    free(s->auth->initial);
    free(s->auth);
    s->auth = NULL;
}

/* Some old clients want a password of everybody where AUTH is announced. */
static bool is_announced(const struct smtpd_session *s)
{
    return smtpd_auth_is_on(s) && !smtpd_server_list_has(s->server->auth_exceptions, s);
}

static void on_ready(void *owner, const struct err *err)
{
    struct smtpd_session *s = owner;
    s->auth->wait = NULL;
    if (err)
        log_warn(smtpd_session_plain_tag(s), "%s", err->reason);
    smtpd_session_answer(s, s->auth->next(s));
}

bool smtpd_auth_await(struct smtpd_session *s, struct reply (*next)(struct smtpd_session *s))
{
    if (!is_announced(s))
        return false;
    struct smtpd_auth *auth = smtpd_auth_get(s);
    auth->next = next;
    auth->wait = auth_server_wait(s->server->auth, on_ready, s);
    return auth->wait != NULL;
}

static bool passes_filter(struct smtpd_server *server, const char *mechanism)
{
    struct err err = ERR_INIT;
    if (!smtpd_params.smtpd_sasl_mechanism_filter[0])
        return true;
    enum map_status status = match_list_find(server->auth_filter, mechanism, &err);
    if (status == MAP_FAILED && !err.is_repeated)
        log_warn(NULL, "%s", err.reason);
    return status == MAP_FOUND;
}

void smtpd_auth_add_keywords(const struct smtpd_session *s, struct strbuf *out)
{
    struct smtpd_server *server = s->server;
    CLEANUP(argv_done) struct argv list = ARGV_INIT;
    CLEANUP(strbuf_done) struct strbuf names = STRBUF_ANY;
    if (!is_announced(s))
        return;
    unsigned policy = s->tls ? server->auth_tls_policy : server->auth_policy;
    auth_server_mechanisms(server->auth, policy, &list);
    for (size_t i = 0; i < list.count; i++)
        if (passes_filter(server, list.at[i]))
            strbuf_addf(&names, " %s", list.at[i]);
    if (names.len == 0) {
        log_warn(&s->log, list.count ? "smtpd_sasl_mechanism_filter discards all mechanisms"
                                     : "no SASL authentication mechanisms");
        return;
    }
    strbuf_addf(out, "\nAUTH%s", names.s);
    if (smtpd_params.broken_sasl_auth_clients)
        strbuf_addf(out, "\nAUTH=%s", names.s + 1);
}

bool smtpd_auth_is_busy(const struct smtpd_session *s)
{
    return s->auth && (s->auth->wait || (s->auth->exchange && !s->auth->wants_line));
}

bool smtpd_auth_wants_line(const struct smtpd_session *s)
{
    return s->auth && s->auth->wants_line;
}
