#include "smtp/smtp_sasl.h"

#include "base/xmem.h"
#include "sasl/auth_client.h"
#include "smtp/smtp_params.h"
#include "smtp/smtp_proto.h"
#include "smtp/smtp_sasl_cache.h"
#include "smtp/smtp_sasl_login.h"
#include "tls/tls_session.h"

#include <stdlib.h>
#include <string.h>

/* Of a session whose server offers AUTH. */
struct smtp_sasl {
    char *mechanisms; /* that are let through; NULL: none */
    struct smtp_sasl_login login;
    bool has_login; /* there is one to log in with, or the session is logged in */
    unsigned policy;
    struct auth_exchange *exchange;
    bool has_begun;   /* AUTH was sent */
    bool is_complete; /* the mechanism is content with the server */
};

static struct auth_client *client; /* NULL: logging in is off */
static struct match_list *filter;
/* smtp_sasl_security_options: in the clear, with TLS, with a server that was verified */
static unsigned clear_policy, tls_policy, verified_policy;

/* --- the process ---------------------------------------------------------------------------- */

static void log_lines(const char *text)
{
    struct slice rest = slice_of(text), line;
    while (slice_next_line(&rest, &line))
        log_warn(NULL, "%.*s", SLICE_ARG(line));
}

static unsigned policy_of(const char *list)
{
    struct err err = ERR_INIT;
    unsigned policy = 0;
    if (!auth_client_policy_parse(client, list, &policy, &err))
        log_fatal("%s", err.reason);
    return policy;
}

void smtp_sasl_open(void)
{
    const struct smtp_params *p = &smtp_params;
    struct err err = ERR_INIT;
    CLEANUP(strbuf_done) struct strbuf problems = STRBUF_ANY;
    if (!p->smtp_sasl_auth_enable)
        return;
    smtp_sasl_login_open();
    const struct auth_client_settings settings = {
        .service = smtp_client.is_lmtp ? "lmtp" : "smtp",
        .path = p->smtp_sasl_path,
        .sends_authzid = p->send_cyrus_sasl_authzid,
    };
    client = auth_client_new(p->smtp_sasl_type, &settings, &problems, &err);
    log_lines(problems.s);
    if (!client)
        log_fatal("%s", err.reason);
    clear_policy = policy_of(p->smtp_sasl_security_options);
    tls_policy = policy_of(p->smtp_sasl_tls_security_options);
    verified_policy = policy_of(p->smtp_sasl_tls_verified_security_options);
    filter = match_list_new(smtp_client.is_lmtp ? "lmtp_sasl_mechanism_filter"
                                                : "smtp_sasl_mechanism_filter",
                            p->smtp_sasl_mechanism_filter, MATCH_STRING, 0);
    log_lines(match_list_warnings(filter));
    smtp_sasl_cache_open();
}

void smtp_sasl_start(struct loop *loop)
{
    if (client)
        auth_client_start(client, loop);
}

bool smtp_sasl_has_changed(void)
{
    return client && (smtp_sasl_login_has_changed() || match_list_has_changed(filter));
}

/* --- the offer ------------------------------------------------------------------------------ */

void smtp_sasl_free(struct smtp_session *s)
{
    if (!s->sasl)
        return;
    auth_cancel(s->sasl->exchange);
    smtp_sasl_login_done(&s->sasl->login);
    free(s->sasl->mechanisms);
    free(s->sasl);
    s->sasl = NULL;
}

/* As Postfix, a table of the filter that cannot answer lets nothing through; there the process
 * ends. */
static bool passes_filter(const char *mechanism)
{
    struct err err = ERR_INIT;
    enum map_status status = match_list_find(filter, mechanism, &err);
    if (status == MAP_FAILED && !err.is_repeated)
        log_warn(NULL, "%s", err.reason);
    return status == MAP_FOUND;
}

static void filter_offer(struct slice mechanisms, struct strbuf *out)
{
    struct slice rest = mechanisms, word;
    CLEANUP(strbuf_done) struct strbuf name = STRBUF_ANY;
    while (slice_next_token(&rest, SLICE_SPACE, &word)) {
        strbuf_set_slice(&name, word);
        if (passes_filter(name.s))
            strbuf_addf(out, "%s%s", out->len ? " " : "", name.s);
    }
}

static void add_mechanisms(struct smtp_sasl *a, const char *more)
{
    char *all = a->mechanisms ? xasprintf("%s %s", a->mechanisms, more) : xstrdup(more);
    free(a->mechanisms);
    a->mechanisms = all;
}

void smtp_sasl_offer(struct smtp_session *s, struct slice mechanisms)
{
    CLEANUP(strbuf_done) struct strbuf list = STRBUF_ANY;
    if (!client)
        return;
    if (!s->sasl) {
        s->sasl = xzalloc(sizeof *s->sasl);
        smtp_sasl_login_init(&s->sasl->login);
    }
    if (mechanisms.len == 0) {
        if (!s->sasl->mechanisms)
            log_warn(NULL, "%s offered null AUTH mechanism list", s->relay);
        return;
    }
    if (*smtp_params.smtp_sasl_mechanism_filter)
        filter_offer(mechanisms, &list);
    else
        strbuf_add_slice(&list, mechanisms);
    if (list.len > 0)
        add_mechanisms(s->sasl, list.s);
    else
        log_warn(NULL, "%s offered no supported AUTH mechanisms: '%.*s'", s->relay,
                 SLICE_ARG(mechanisms));
}

/* --- outcomes ------------------------------------------------------------------------------- */

static enum smtp_sasl_next fail(struct smtp_session *s, const char *text)
{
    const struct smtp_why why = {
        .kind = ERR_TEMP, .dsn = "4.7.0", .text = text, .is_destination = true};
    smtp_delivery_on_unfit(s->delivery, s, &why);
    return SMTP_SASL_IS_OVER;
}

static void fail_locally(struct smtp_session *s, const char *reason)
{
    fail(s, arena_printf(s->delivery->arena,
                         "SASL authentication failed; cannot authenticate to server %s: %s",
                         s->name, reason));
}

/* REPLY, with enhanced code DSN, refuses the login, now or, IS_CACHED, some time ago. */
static enum smtp_sasl_next fail_refused(struct smtp_session *s, const char *dsn, const char *reply,
                                        bool is_cached)
{
    struct smtp_delivery *d = s->delivery;
    struct smtp_why why = {.reply = reply, .server_name = s->host.name, .is_destination = true};
    bool is_hard = dsn[0] == '5' && !smtp_params.smtp_sasl_auth_soft_bounce;
    why.kind = is_hard ? ERR_PERM : ERR_TEMP;
    why.dsn = is_hard ? dsn : arena_printf(d->arena, "4%s", dsn + 1);
    why.text =
        arena_printf(d->arena, "SASL %sauthentication failed; server %s said: %s",
                     is_cached ? "[CACHED] " : "", is_cached ? s->host.name : s->name, reply);
    smtp_delivery_on_unfit(d, s, &why);
    return SMTP_SASL_IS_OVER;
}

/* --- the exchange --------------------------------------------------------------------------- */

static void on_step(void *owner, const struct auth_step *step)
{
    struct smtp_session *s = owner;
    struct smtp_sasl *a = s->sasl;
    CLEANUP(strbuf_done) struct strbuf line = STRBUF_ANY;
    log_lines(step->notes);
    if (step->status != AUTH_MORE) {
        a->exchange = NULL;
        fail_locally(s, step->text);
        return;
    }
    a->is_complete = step->is_complete;
    if (!a->has_begun)
        strbuf_addf(&line, "AUTH %s%s", step->mechanism, step->text ? " " : "");
    strbuf_addf(&line, "%s\r\n", step->text ? step->text : "");
    a->has_begun = true;
    smtp_proto_authenticate(s, line.s);
    explicit_bzero(line.s, line.len);
}

static void begin_exchange(struct smtp_session *s)
{
    struct smtp_sasl *a = s->sasl;
    a->policy = !s->tls ? clear_policy : s->tls->is_matched ? verified_policy : tls_policy;
    const struct auth_client_login login = {
        .server = s->host.name,
        .user = a->login.user.s,
        .password = a->login.password.s,
        .mechanisms = a->mechanisms,
        .policy = a->policy,
    };
    a->exchange = auth_client_begin(client, &login, on_step, s);
}

enum smtp_sasl_next smtp_sasl_begin(struct smtp_session *s)
{
    struct smtp_sasl *a = s->sasl;
    struct smtp_delivery *d = s->delivery;
    if (!a) {
        s->features &= ~(unsigned)SMTP_EHLO_AUTH;
        return SMTP_SASL_GO_ON;
    }
    switch (smtp_sasl_login_find(d, s->host.name, smtp_delivery_nexthop(d), &a->login)) {
    case MAP_NOT_FOUND: /* as strangers */
        s->features &= ~(unsigned)SMTP_EHLO_AUTH;
        return SMTP_SASL_GO_ON;
    case MAP_FAILED:
        smtp_proto_data_error(s);
        return SMTP_SASL_IS_OVER;
    case MAP_FOUND:
        break;
    }
    a->has_login = true;
    if (!a->mechanisms)
        return fail(s,
                    arena_printf(d->arena,
                                 "SASL authentication failed: server %s offered no compatible "
                                 "authentication mechanisms for this type of connection security",
                                 s->name));
    CLEANUP(strbuf_done) struct strbuf reply = STRBUF_ANY;
    CLEANUP(strbuf_done) struct strbuf dsn = STRBUF_ANY;
    if (smtp_sasl_cache_find(s->host.name, &a->login, &dsn, &reply))
        return fail_refused(s, arena_strdup(d->arena, dsn.s), arena_strdup(d->arena, reply.s),
                            true);
    begin_exchange(s);
    return SMTP_SASL_WAIT;
}

/* A challenge, in base64: all that follows the code, also what makes no sense. */
static struct slice challenge_of(const struct smtp_session *s)
{
    struct slice text = strbuf_slice(&s->reply.text);
    return slice_from(text, MIN((size_t)4, text.len));
}

static const char *reply_text(struct smtp_session *s)
{
    char *text = arena_slice_dup(s->delivery->arena, strbuf_slice(&s->reply.text));
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 127)
            *c = '?';
    return text;
}

enum smtp_sasl_next smtp_sasl_on_reply(struct smtp_session *s)
{
    enum { REFUSED = 535 };
    struct smtp_sasl *a = s->sasl;
    int class = s->reply.code / 100;
    if (class == 3) {
        s->recv = SMTP_STEP_LOGIN;
        auth_respond(a->exchange, challenge_of(s));
        return SMTP_SASL_WAIT;
    }
    auth_cancel(a->exchange);
    a->exchange = NULL;
    if (class == 2 && a->policy & AUTH_MUTUAL && !a->is_complete) {
        fail_locally(s, "the server did not prove who it is");
        return SMTP_SASL_IS_OVER;
    }
    if (class == 2)
        return SMTP_SASL_GO_ON;
    const char *dsn = smtp_outcome_reply_dsn(s->delivery, s), *text = reply_text(s);
    if (s->reply.code == REFUSED)
        smtp_sasl_cache_put(s->host.name, &a->login, dsn, text);
    return fail_refused(s, dsn, text, false);
}

/* --- the next message ----------------------------------------------------------------------- */

/* Where nobody is asked who he is, everybody is the same. */
bool smtp_sasl_fits(const struct smtp_session *s, const struct smtp_delivery *d,
                    const struct smtp_nexthop *nexthop)
{
    const struct smtp_sasl *a = s->sasl;
    struct smtp_sasl_login wanted;
    if (!a)
        return true;
    smtp_sasl_login_init(&wanted);
    enum map_status status = smtp_sasl_login_find(d, s->host.name, nexthop, &wanted);
    bool fits = status == MAP_NOT_FOUND ? !a->has_login
                                        : status == MAP_FOUND && a->has_login &&
                                              strcmp(wanted.user.s, a->login.user.s) == 0 &&
                                              strcmp(wanted.password.s, a->login.password.s) == 0;
    smtp_sasl_login_done(&wanted);
    return fits;
}
