/* The commands of the built-in SMTP engine. */
#include "base/xmem.h"
#include "config/common_params.h"
#include "log/log.h"
#include "mail/address.h"
#include "postscreen/postscreen_params.h"
#include "postscreen/psc_ehlo.h"
#include "postscreen/psc_engine.h"
#include "postscreen/psc_server.h"
#include "postscreen/psc_session.h"

#include <stdlib.h>
#include <string.h>

static const char unavailable[] = "450 4.3.2 Service currently unavailable";
static const char ok[] = "250 2.0.0 Ok";
static const char need_helo[] = "503 5.5.1 Error: send HELO/EHLO first";

/* What a client that asks for delivery is told. */
static const char *refusal(const struct psc_engine *e)
{
    return e->session->refusal ? e->session->refusal : unavailable;
}

static const char *greet(struct psc_engine *e, struct slice args, bool is_esmtp)
{
    struct slice name;
    if (!slice_next_token(&args, SLICE_SPACE, &name))
        return is_esmtp ? "501 Syntax: EHLO hostname" : "501 Syntax: HELO hostname";
    free(e->helo);
    free(e->sender);
    e->helo = slice_dup(name);
    e->sender = NULL;
    e->is_esmtp |= is_esmtp; /* for the log: a HELO after EHLO does not take it back */
    if (!is_esmtp) {
        strbuf_setf(&e->reply, "250 %s", common_params.myhostname);
        return e->reply.s;
    }
    e->ehlo_discard = psc_ehlo_discarded(e->session);
    bool offers_tls = e->session->server->tls_level != PSC_TLS_NONE && !e->has_tls;
    psc_ehlo_format(e->ehlo_discard, offers_tls, &e->reply);
    return e->reply.s;
}

static const char *cmd_helo(struct psc_engine *e, struct slice args)
{
    return greet(e, args, false);
}

static const char *cmd_ehlo(struct psc_engine *e, struct slice args)
{
    return greet(e, args, true);
}

/* The address after the colon, without angle brackets and source route; false: no colon. Nothing
 * is delivered to it: it is for the log only. */
static bool find_address(struct slice args, struct strbuf *out)
{
    struct slice before, rest;
    if (!slice_split(args, ':', &before, &rest))
        return false;
    rest = slice_trim(rest);
    bool has_bracket = slice_starts(rest, "<");
    rest = slice_from(rest, has_bracket ? 1 : 0);
    if (slice_starts(rest, "@") && slice_find(rest, ':') != SIZE_MAX)
        rest = slice_from(rest, slice_find(rest, ':') + 1);
    bool quoted = false;
    size_t len = 0;
    for (; len < rest.len; len++) {
        char c = rest.s[len];
        if (c == '\\' && len + 1 < rest.len)
            len++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && (c == '>' || c == ' ' || c == '\t'))
            break;
    }
    strbuf_set_slice(out, slice_first(rest, len));
    return true;
}

static const char *cmd_mail(struct psc_engine *e, struct slice args)
{
    CLEANUP(strbuf_done) struct strbuf sender = STRBUF_ANY;
    if (!e->helo && postscreen_params.postscreen_helo_required)
        return need_helo;
    if (e->sender)
        return "503 5.5.1 Error: nested MAIL command";
    if (!find_address(args, &sender))
        return "501 5.5.4 Syntax: MAIL FROM:<address>";
    e->sender = xstrdup(sender.s);
    return "250 2.1.0 Ok";
}

static void add_address(const char *address, struct strbuf *out)
{
    bool is_quoted = address[0] == '"';
    if (strcmp(common_params.info_log_address_format, "internal") == 0 || is_quoted)
        strbuf_add_str(out, address);
    else
        address_to_external(slice_of(address), out);
}

static const char *cmd_rcpt(struct psc_engine *e, struct slice args)
{
    CLEANUP(strbuf_done) struct strbuf recipient = STRBUF_ANY, from = STRBUF_ANY, to = STRBUF_ANY;
    if (!e->sender)
        return "503 5.5.1 Error: need MAIL command";
    if (!find_address(args, &recipient))
        return "501 5.5.4 Syntax: RCPT TO:<address>";
    const char *reply = refusal(e);
    CLEANUP(strbuf_done) struct strbuf shown = STRBUF_ANY;
    strbuf_set(&shown, reply);
    if (common_params.soft_bounce && shown.s[0] == '5') {
        shown.s[0] = '4';
        if (shown.len > 4 && shown.s[4] == '5')
            shown.s[4] = '4';
    }
    add_address(e->sender, &from);
    add_address(recipient.s, &to);
    log_info(NULL,
             "NOQUEUE: reject: RCPT from " PSC_CLIENT_FMT ": %s; from=<%s>, to=<%s>, "
             "proto=%s, helo=<%s>",
             PSC_CLIENT(e->session), shown.s, from.s, to.s, e->is_esmtp ? "ESMTP" : "SMTP",
             e->helo ? e->helo : "");
    return reply;
}

/* No recipient was accepted, so what follows is a message that will be taken for commands. */
static const char *refuse_content(struct psc_engine *e, const char *reply)
{
    log_info(NULL, "%s without valid RCPT from " PSC_CLIENT_FMT, e->where, PSC_CLIENT(e->session));
    e->closes = true;
    return reply;
}

static const char *cmd_data(struct psc_engine *e, struct slice args)
{
    if (args.len > 0)
        return refuse_content(e, "501 5.5.4 Syntax: DATA");
    if (!e->sender)
        return refuse_content(e, "503 5.5.1 Error: need RCPT command");
    return refuse_content(e, "554 5.5.1 Error: no valid recipients");
}

static const char *cmd_bdat(struct psc_engine *e, struct slice args)
{
    if (e->ehlo_discard & PSC_EHLO_CHUNKING)
        return refuse_content(e, "502 5.5.1 Error: command not implemented");
    if (!e->sender)
        return refuse_content(e, "554 5.5.1 Error: need MAIL command");
    if (args.len == 0)
        return refuse_content(e, "501 5.5.4 Syntax: BDAT count [LAST]");
    return refuse_content(e, "554 5.5.1 Error: no valid recipients");
}

static const char *cmd_rset(struct psc_engine *e, struct slice args)
{
    (void)args;
    free(e->sender);
    e->sender = NULL;
    return ok;
}

static const char *cmd_noop(struct psc_engine *e, struct slice args)
{
    (void)e;
    (void)args;
    return ok;
}

static const char *cmd_vrfy(struct psc_engine *e, struct slice args)
{
    if (args.len == 0)
        return "501 5.5.4 Syntax: VRFY address";
    return postscreen_params.postscreen_disable_vrfy_command ? "502 5.5.1 VRFY command is disabled"
                                                             : refusal(e);
}

static const char *cmd_etrn(struct psc_engine *e, struct slice args)
{
    if (!e->helo)
        return need_helo;
    return args.len == 0 ? "500 Syntax: ETRN domain" : "458 Unable to queue messages";
}

static const char *cmd_starttls(struct psc_engine *e, struct slice args)
{
    if (args.len > 0) /* Postfix's words */
        return "501 Syntax: EHLO hostname";
    if (e->session->server->tls_level == PSC_TLS_NONE || (e->ehlo_discard & PSC_EHLO_STARTTLS))
        return "502 5.5.1 Error: command not implemented";
    if (e->has_tls)
        return "554 5.5.1 Error: TLS already active";
    return NULL;
}

static const char *cmd_quit(struct psc_engine *e, struct slice args)
{
    (void)args;
    e->closes = true;
    return "221 2.0.0 Bye";
}

static const struct command {
    const char *verb;
    const char *(*run)(struct psc_engine *e, struct slice args);
    bool before_tls;   /* allowed before TLS where that is demanded */
    bool passes_tests; /* who gets here has passed what he did not fail */
} commands[] = {
    // clang-format off
    {"HELO",     cmd_helo,     true,  false},
    {"EHLO",     cmd_ehlo,     true,  false},
    {"STARTTLS", cmd_starttls, true,  false},
    {"MAIL",     cmd_mail,     false, false},
    {"RCPT",     cmd_rcpt,     false, true},
    {"DATA",     cmd_data,     false, false},
    {"BDAT",     cmd_bdat,     false, false},
    {"RSET",     cmd_rset,     false, false},
    {"NOOP",     cmd_noop,     true,  false},
    {"VRFY",     cmd_vrfy,     false, false},
    {"ETRN",     cmd_etrn,     false, false},
    {"QUIT",     cmd_quit,     true,  false},
    // clang-format on
};

/* A label, blanks and a colon: a message header in the place of a command. */
static bool is_header(struct slice verb, struct slice args)
{
    size_t colon = slice_find(verb, ':'), len = MIN(colon, verb.len);
    for (size_t i = 0; i < len; i++)
        if (verb.s[i] <= ' ' || verb.s[i] > '~')
            return false;
    return len > 0 && (colon != SIZE_MAX || slice_starts(args, ":"));
}

static bool is_non_smtp(const struct psc_engine *e, struct slice verb, struct slice args)
{
    struct err err = ERR_INIT;
    CLEANUP(strbuf_done) struct strbuf word = STRBUF_ANY;
    strbuf_set_slice(&word, verb);
    enum map_status status = match_list_find(e->session->server->forbidden_commands, word.s, &err);
    if (status == MAP_FAILED && !err.is_repeated)
        log_warn(NULL, "%s", err.reason);
    return status == MAP_FOUND || is_header(verb, args);
}

static const char *unknown_command(struct psc_engine *e, struct slice verb, struct slice args)
{
    struct psc_session *s = e->session;
    const char *before = e->where;
    e->where = "UNIMPLEMENTED";
    if (!psc_engine_is_in_step(e)) {
        e->closes = true;
        return PSC_PROTOCOL_ERROR;
    }
    if (!is_non_smtp(e, verb, args))
        return "502 5.5.2 Error: command not recognized";
    if (!(e->noted & 1u << PSC_NON_SMTP))
        log_info(NULL, "NON-SMTP COMMAND from " PSC_CLIENT_FMT " after %s: %.*s %.*s",
                 PSC_CLIENT(s), before, SLICE_ARG(verb), SLICE_ARG(slice_first(args, 100)));
    e->noted |= 1u << PSC_NON_SMTP;
    if (s->server->actions[PSC_NON_SMTP] != PSC_DROP) {
        psc_session_fail(s, PSC_NON_SMTP, "550 5.5.1 Protocol error");
        return "502 5.5.2 Error: command not recognized";
    }
    s->failed |= 1u << PSC_NON_SMTP;
    e->closes = true;
    return "521 5.7.0 Error: I can break rules, too. Goodbye.";
}

/* postscreen_command_filter puts another line in the place of this one. */
static struct slice filter(struct psc_engine *e, struct slice line, struct strbuf *value)
{
    struct err err = ERR_INIT;
    CLEANUP(strbuf_done) struct strbuf key = STRBUF_ANY;
    if (maps_is_empty(e->session->server->command_filter))
        return line;
    strbuf_set_slice(&key, line);
    enum map_status status =
        maps_find(e->session->server->command_filter, key.s, MAPS_WHOLE_KEY, value, &err);
    if (status == MAP_FAILED && !err.is_repeated)
        log_warn(NULL, "%s", err.reason);
    if (status != MAP_FOUND)
        return line;
    struct slice filtered = slice_trim(strbuf_slice(value));
    log_info(NULL, PSC_CLIENT_FMT ": replacing command \"%.100s\" with \"%.*s\"",
             PSC_CLIENT(e->session), key.s, SLICE_ARG(slice_first(filtered, 100)));
    return filtered;
}

/* All tests that were not failed are passed: spam comes no further than this. */
static void pass_tests(struct psc_session *s)
{
    s->passed |= s->todo & PSC_DEEP & ~s->failed;
}

const char *psc_command(struct psc_engine *e, struct slice line)
{
    CLEANUP(strbuf_done) struct strbuf filtered = STRBUF_ANY;
    struct slice args = filter(e, line, &filtered), verb = SLICE_EMPTY;
    size_t end = 0;
    while (end < args.len && args.s[end] != ' ')
        end++;
    verb = slice_first(args, end);
    args = slice_trim_left(slice_from(args, end));
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        const struct command *c = &commands[i];
        if (!slice_eq_nocase(verb, c->verb))
            continue;
        e->where = c->verb;
        if (!psc_engine_is_in_step(e)) {
            e->closes = true;
            return PSC_PROTOCOL_ERROR;
        }
        if (c->passes_tests)
            pass_tests(e->session);
        if (e->session->server->tls_level == PSC_TLS_ENCRYPT && !e->has_tls && !c->before_tls)
            return "530 5.7.0 Must issue a STARTTLS command first";
        return c->run(e, args);
    }
    return unknown_command(e, verb, args);
}
