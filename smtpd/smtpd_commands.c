/* The command table, and what happens to a line before its handler sees it. */
#include "smtpd/smtpd_commands.h"

#include "base/text.h"
#include "base/xmem.h"
#include "config/common_params.h"
#include "esmtp/esmtp_args.h"
#include "map/match_list.h"
#include "map/maps.h"
#include "smtpd/smtpd_cmd.h"
#include "smtpd/smtpd_milter.h"
#include "smtpd/smtpd_notice.h"
#include "smtpd/smtpd_params.h"
#include "smtpd/smtpd_server.h"
#include "smtpd/smtpd_session.h"
#include "smtpd/smtpd_tx.h"

#include <string.h>

enum {
    ANY = SMTPD_PHASE_ANY,
    START = SMTPD_PHASE_START,
    MAIL = SMTPD_PHASE_MAIL,
    RCPT = SMTPD_PHASE_RCPT,
    BDAT = SMTPD_PHASE_BDAT,
    JUNK = SMTPD_COMMAND_JUNK,
    LAST = SMTPD_COMMAND_LAST,
    PLAIN = SMTPD_COMMAND_PLAIN,
};

#define NEED_MAIL "503 5.5.1 Error: need MAIL command"
#define NEED_RCPT "503 5.5.1 Error: need RCPT command"
#define NESTED    "503 5.5.1 Error: nested MAIL command"
#define IN_MAIL_5 "503 5.5.1 Error: MAIL transaction in progress"
#define IN_MAIL   "503 Error: MAIL transaction in progress"

static const struct smtpd_command commands[] = {
    // clang-format off
    /* verb     counter               phases              otherwise  handler           flags */
    {"MAIL",     SMTPD_COUNT_MAIL,     START,              NESTED,    smtpd_cmd_mail,    0},
    {"RCPT",     SMTPD_COUNT_RCPT,     MAIL | RCPT | BDAT, NEED_MAIL, smtpd_cmd_rcpt,    0},
    {"DATA",     SMTPD_COUNT_DATA,     MAIL | RCPT | BDAT, NEED_RCPT, smtpd_cmd_data,    LAST},
    {"BDAT",     SMTPD_COUNT_BDAT,     ANY,                NULL,      smtpd_cmd_bdat,    0},
    {"EHLO",     SMTPD_COUNT_EHLO,     ANY,                NULL,      smtpd_cmd_ehlo,    LAST | PLAIN},
    {"HELO",     SMTPD_COUNT_HELO,     ANY,                NULL,      smtpd_cmd_helo,    LAST | PLAIN},
    {"RSET",     SMTPD_COUNT_RSET,     ANY,                NULL,      smtpd_cmd_rset,    JUNK},
    {"NOOP",     SMTPD_COUNT_NOOP,     ANY,                NULL,      smtpd_cmd_noop,    JUNK | LAST | PLAIN},
    {"QUIT",     SMTPD_COUNT_QUIT,     ANY,                NULL,      smtpd_cmd_quit,    PLAIN},
    {"VRFY",     SMTPD_COUNT_VRFY,     ANY,                NULL,      smtpd_cmd_vrfy,    JUNK | LAST},
    {"ETRN",     SMTPD_COUNT_ETRN,     START,              IN_MAIL,   smtpd_cmd_etrn,    JUNK},
    {"HELP",     SMTPD_COUNT_HELP,     ANY,                NULL,      smtpd_cmd_help,    PLAIN},
    {"STARTTLS", SMTPD_COUNT_STARTTLS, ANY,                NULL,      smtpd_cmd_starttls, PLAIN},
    {"AUTH",     SMTPD_COUNT_AUTH,     ANY,                NULL,      smtpd_cmd_auth,    0},
    {"XCLIENT",  SMTPD_COUNT_XCLIENT,  START,              IN_MAIL_5, smtpd_cmd_xclient, LAST | PLAIN},
    {"XFORWARD", SMTPD_COUNT_XFORWARD, START,              IN_MAIL_5, smtpd_cmd_xforward, PLAIN},
    // clang-format on
};
static const struct smtpd_command unknown_command = {
    "UNKNOWN", SMTPD_COUNT_UNKNOWN, ANY, NULL, smtpd_cmd_unknown, PLAIN,
};

static const char *const counter_names[SMTPD_COUNTERS] = {
    [SMTPD_COUNT_HELO] = "helo",         [SMTPD_COUNT_EHLO] = "ehlo",
    [SMTPD_COUNT_STARTTLS] = "starttls", [SMTPD_COUNT_AUTH] = "auth",
    [SMTPD_COUNT_MAIL] = "mail",         [SMTPD_COUNT_RCPT] = "rcpt",
    [SMTPD_COUNT_DATA] = "data",         [SMTPD_COUNT_BDAT] = "bdat",
    [SMTPD_COUNT_RSET] = "rset",         [SMTPD_COUNT_NOOP] = "noop",
    [SMTPD_COUNT_VRFY] = "vrfy",         [SMTPD_COUNT_ETRN] = "etrn",
    [SMTPD_COUNT_XCLIENT] = "xclient",   [SMTPD_COUNT_XFORWARD] = "xforward",
    [SMTPD_COUNT_QUIT] = "quit",         [SMTPD_COUNT_HELP] = "help",
    [SMTPD_COUNT_UNKNOWN] = "unknown",
};

const struct smtpd_command *smtpd_command_find(struct slice verb)
{
    for (size_t i = 0; i < COUNT_OF(commands); i++)
        if (slice_eq_nocase(verb, commands[i].verb))
            return &commands[i];
    return &unknown_command;
}

/* "Subject: x": a client that sends a message instead of commands (a web form, for example). */
static bool line_is_header(struct slice line)
{
    size_t at = 0;
    while (at < line.len && line.s[at] > ' ' && line.s[at] < 127 && line.s[at] != ':')
        at++;
    if (at == 0)
        return false;
    while (at < line.len && (line.s[at] == ' ' || line.s[at] == '\t'))
        at++;
    return at < line.len && line.s[at] == ':';
}

static bool list_has(struct match_list *list, struct slice word)
{
    struct err err = ERR_INIT;
    CLEANUP(xfree_ptr) char *text = slice_dup(word);
    enum map_status status = list ? match_list_find(list, text, &err) : MAP_NOT_FOUND;
    if (status == MAP_FAILED && !err.is_repeated)
        log_warn(NULL, "%s", err.reason);
    return status == MAP_FOUND;
}

static struct reply breaks_rules(struct smtpd_session *s, struct slice line)
{
    log_warn(NULL, "non-SMTP command from %s: %.*s", s->peer.namaddr,
             SLICE_ARG(slice_first(line, 100)));
    return reply_and_close("221 2.7.0 Error: I can break rules, too. Goodbye.");
}

static struct reply unknown_asked(struct smtpd_session *s, const struct reply *refusal)
{
    (void)s;
    return refusal ? *refusal : reply_text("500 5.5.2 Error: command not recognized");
}

struct reply smtpd_cmd_unknown(struct smtpd_session *s, struct slice args)
{
    smtpd_notice_add(s, NOTICE_PROTOCOL); /* whatever filters make of it */
    return smtpd_milter_unknown(s, args, unknown_asked);
}

/* smtpd_command_filter: replaces the whole line. */
static struct reply filter_line(struct smtpd_session *s, struct slice *line, struct strbuf *out)
{
    struct err err = ERR_INIT;
    CLEANUP(xfree_ptr) char *key = slice_dup(*line);
    switch (maps_find(s->server->command_filter, key, MAPS_WHOLE_KEY, out, &err)) {
    case MAP_FOUND:
        *line = strbuf_slice(out);
        break;
    case MAP_NOT_FOUND:
        break;
    case MAP_FAILED:
        if (!err.is_repeated)
            log_warn(NULL, "%s", err.reason);
        return reply_and_close(
            smtpd_session_text(s, "421 4.3.0 %s Server local error", common_params.myhostname));
    }
    return reply_silent();
}

static struct reply dispatch_line(struct smtpd_session *s, struct slice line)
{
    struct slice args = line, verb;
    s->command = &unknown_command;
    if (!esmtp_next_word(&args, &verb)) {
        s->where = "UNKNOWN";
        return reply_text("500 5.5.2 Error: bad syntax");
    }
    if (list_has(s->server->noop_commands, verb)) {
        s->where = "NOOP";
        s->command = NULL; /* not counted */
        if (s->junk++ >= smtpd_params.smtpd_junk_command_limit)
            s->errors++;
        return reply_text("250 2.0.0 Ok");
    }
    const struct smtpd_command *c = smtpd_command_find(verb);
    if (c == &unknown_command &&
        (list_has(s->server->forbidden_commands, verb) || line_is_header(line))) {
        s->where = "UNKNOWN";
        return breaks_rules(s, line);
    }
    s->command = c;
    s->where = c->verb;
    s->line = line;
    if ((s->flags & SMTPD_SESSION_DENIED) && c->counter != SMTPD_COUNT_QUIT)
        return reply_text(
            smtpd_session_text(s, "503 5.7.0 Error: access denied for %s", s->peer.namaddr));
    if (s->server->tls_level == SMTPD_TLS_ENCRYPT && !s->tls && !(c->flags & PLAIN) &&
        !(s->flags & SMTPD_SESSION_STDIN))
        return reply_text("530 5.7.0 Must issue a STARTTLS command first");
    if ((c->flags & SMTPD_COMMAND_JUNK) && s->junk++ >= smtpd_params.smtpd_junk_command_limit)
        s->errors++;
    if (!(s->phase & c->phases))
        return reply_text(c->otherwise);
    return c->handler(s, c == &unknown_command ? verb : slice_trim(args));
}

struct reply smtpd_dispatch(struct smtpd_session *s, struct slice line)
{
    CLEANUP(strbuf_done) struct strbuf filtered = STRBUF_ANY;
    size_t nul = slice_find(line, '\0');
    if (s->tls_refusal) {
        s->command = NULL; /* not counted */
        return reply_and_close(smtpd_session_text(s, "421 4.7.1 %s Error: %s",
                                                  common_params.myhostname, s->tls_refusal));
    }
    if (nul != SIZE_MAX)
        line = slice_first(line, nul);
    if (!maps_is_empty(s->server->command_filter)) {
        struct reply failed = filter_line(s, &line, &filtered);
        if (!failed.is_silent)
            return failed;
    }
    if (common_params.smtputf8_enable && !text_is_utf8(line)) {
        s->command = NULL; /* not counted */
        return reply_text("500 5.5.2 Error: bad UTF-8 syntax");
    }
    return dispatch_line(s, slice_trim(line));
}

void smtpd_count_reply(struct smtpd_session *s, int code)
{
    if (!s->command)
        return;
    enum smtpd_counter counter = s->command->counter;
    if (s->counts[counter] < UINT16_MAX)
        s->counts[counter]++;
    /* after XCLIENT everything begins anew: as a command it has not come to an end */
    bool ends = counter != SMTPD_COUNT_UNKNOWN && counter != SMTPD_COUNT_XCLIENT;
    if (code < 400 && ends && s->counts_ok[counter] < UINT16_MAX)
        s->counts_ok[counter]++;
    s->command = NULL;
}

static void add_count(struct strbuf *out, const char *name, unsigned ok, unsigned total)
{
    strbuf_addf(out, "%s%s=%u", out->len ? " " : "", name, ok);
    if (ok != total || total == 0)
        strbuf_addf(out, "/%u", total);
}

void smtpd_counts_format(const struct smtpd_session *s, struct strbuf *out)
{
    unsigned ok = 0, total = 0;
    for (int i = 0; i < SMTPD_COUNTERS; i++) {
        if (s->counts[i])
            add_count(out, counter_names[i], s->counts_ok[i], s->counts[i]);
        ok += s->counts_ok[i];
        total += s->counts[i];
    }
    add_count(out, "commands", ok, total);
}
