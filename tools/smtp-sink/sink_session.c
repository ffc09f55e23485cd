#include "tools/smtp-sink/sink_session.h"

#include "base/xmem.h"

#include <syslog.h>

enum { LINE_MAX_BYTES = 100000, RCPT_MAX = 100000 };

static enum sink_next say(struct sink_session *s, const char *text)
{
    strbuf_addf(&s->out, "%s\r\n", text);
    return SINK_NEXT_COMMAND;
}

static void forget_transaction(struct sink_session *s)
{
    sink_dump_cancel(s->dump);
    s->dump = NULL;
    s->has_mail = false;
    strbuf_reset(&s->mail);
    argv_truncate(&s->rcpts, 0);
}

/* What comes after the verb, and after FROM: or TO:. */
static struct slice argument(struct slice line, bool after_colon)
{
    struct slice before, after;
    if (after_colon && slice_split(line, ':', &before, &after))
        return slice_trim(after);
    if (slice_split(line, ' ', &before, &after))
        return slice_trim(after);
    return SLICE_EMPTY;
}

static enum sink_next hello(struct sink_session *s, struct slice line, bool esmtp)
{
    forget_transaction(s);
    s->esmtp = esmtp;
    strbuf_set_slice(&s->helo, argument(line, false));
    return SINK_NEXT_COMMAND;
}

static enum sink_next cmd_helo(struct sink_session *s, struct slice line)
{
    hello(s, line, false);
    strbuf_addf(&s->out, "250 %s\r\n", s->options->hostname);
    return SINK_NEXT_COMMAND;
}

static enum sink_next cmd_ehlo(struct sink_session *s, struct slice line)
{
    const struct sink_options *o = s->options;
    const struct {
        bool off;
        const char *text;
    } keywords[] = {
        {o->no_pipelining, "PIPELINING"},
        {o->no_8bitmime, "8BITMIME"},
        {o->no_auth, "AUTH PLAIN LOGIN"},
        {o->no_xclient, "XCLIENT NAME HELO"},
        {o->no_xforward, "XFORWARD NAME ADDR PROTO HELO"},
        {o->no_enhanced, "ENHANCEDSTATUSCODES"},
        {o->no_dsn, "DSN"},
    };
    hello(s, line, true);
    strbuf_addf(&s->out, "250-%s\r\n", o->hostname);
    for (size_t i = 0; i < COUNT_OF(keywords); i++)
        if (!keywords[i].off)
            strbuf_addf(&s->out, "250-%s\r\n", keywords[i].text);
    return say(s, "250 "); /* so that no keyword has to know that it is the last */
}

static enum sink_next cmd_mail(struct sink_session *s, struct slice line)
{
    if (s->has_mail)
        return say(s, "503 5.5.1 Error: nested MAIL command");
    s->has_mail = true;
    strbuf_set_slice(&s->mail, argument(line, true));
    return say(s, "250 2.1.0 Ok");
}

static enum sink_next cmd_rcpt(struct sink_session *s, struct slice line)
{
    if (!s->has_mail)
        return say(s, "503 5.5.1 Error: need MAIL command");
    if (s->rcpts.count >= RCPT_MAX)
        return say(s, "452 4.5.3 Error: too many recipients");
    argv_add_slice(&s->rcpts, argument(line, true));
    return say(s, "250 2.1.5 Ok");
}

static const char *protocol(const struct sink_session *s)
{
    return s->options->lmtp ? "LMTP" : s->esmtp ? "ESMTP" : "SMTP";
}

static enum sink_next cmd_data(struct sink_session *s, struct slice line)
{
    (void)line;
    if (s->rcpts.count == 0)
        return say(s, "503 5.5.1 Error: need RCPT command");
    if (s->options->single_dump || s->options->multi_dump) {
        struct err err = ERR_INIT;
        struct sink_dump_facts facts = {.address = s->address,
                                        .protocol = protocol(s),
                                        .helo = s->helo.len ? s->helo.s : NULL,
                                        .mail_args = s->mail.s,
                                        .rcpt_args = &s->rcpts};
        s->dump = sink_dump_open(s->options, &facts, &err);
        if (!s->dump)
            sink_fatal(s->options, "%s", err.reason);
    }
    s->data = (struct sink_data){SINK_LINE_START};
    say(s, "354 End data with <CR><LF>.<CR><LF>");
    return SINK_NEXT_DATA;
}

static enum sink_next cmd_rset(struct sink_session *s, struct slice line)
{
    (void)line;
    forget_transaction(s);
    return say(s, "250 2.1.0 Ok");
}

static enum sink_next cmd_ok(struct sink_session *s, struct slice line)
{
    (void)line;
    return say(s, "250 2.0.0 Ok");
}

static enum sink_next cmd_quit(struct sink_session *s, struct slice line)
{
    (void)line;
    s->quit = true;
    say(s, "221 Bye");
    return SINK_NEXT_CLOSE;
}

typedef enum sink_next (*handler)(struct sink_session *s, struct slice line);
static const handler handlers[SINK_VERBS] = {
    [SINK_HELO] = cmd_helo,  [SINK_EHLO] = cmd_ehlo,   [SINK_LHLO] = cmd_ehlo,
    [SINK_XCLIENT] = cmd_ok, [SINK_XFORWARD] = cmd_ok, [SINK_AUTH] = cmd_ok,
    [SINK_MAIL] = cmd_mail,  [SINK_RCPT] = cmd_rcpt,   [SINK_VRFY] = cmd_ok,
    [SINK_DATA] = cmd_data,  [SINK_RSET] = cmd_rset,   [SINK_NOOP] = cmd_ok,
    [SINK_QUIT] = cmd_quit,  [SINK_DOT] = cmd_ok,
};

/* HELO and EHLO are for SMTP, LHLO for LMTP, EHLO only when ESMTP was not turned off. */
static bool offered(const struct sink_options *o, enum sink_verb verb)
{
    if (verb == SINK_LHLO)
        return o->lmtp;
    if (verb == SINK_HELO)
        return !o->lmtp;
    if (verb == SINK_EHLO)
        return !o->lmtp && !o->no_esmtp;
    return verb < SINK_VERBS && handlers[verb];
}

/* The reply that options ask for instead of the usual one; true when there is one. */
static bool told_otherwise(struct sink_session *s, enum sink_verb verb, enum sink_next *ret_next)
{
    const struct sink_rule *rule = &s->options->rules[verb];
    *ret_next = SINK_NEXT_COMMAND;
    if (rule->drop) {
        *ret_next = SINK_NEXT_CLOSE;
    } else if (rule->shutdown) {
        say(s, "421 4.0.0 Server closing connection");
        *ret_next = SINK_NEXT_CLOSE;
    } else if (rule->hard || rule->soft) {
        say(s, rule->hard ? s->options->hard_reply : s->options->soft_reply);
    } else {
        return false;
    }
    return true;
}

void sink_session_init(struct sink_session *s, const struct sink_options *options,
                       const char *address)
{
    *s = (struct sink_session){.options = options,
                               .address = xstrdup(address),
                               .out = STRBUF_ANY,
                               .helo = STRBUF_INIT(LINE_MAX_BYTES),
                               .mail = STRBUF_INIT(LINE_MAX_BYTES)};
}

void sink_session_done(struct sink_session *s)
{
    forget_transaction(s);
    argv_done(&s->rcpts);
    strbuf_done(&s->out);
    strbuf_done(&s->helo);
    strbuf_done(&s->mail);
    free(s->address);
    s->address = NULL;
}

enum sink_verb sink_session_verb(struct slice line)
{
    struct slice word;
    if (!slice_next_token(&line, " \t", &word))
        return SINK_VERBS;
    enum sink_verb verb = sink_verb_find(word);
    return verb < SINK_VERBS && handlers[verb] ? verb : SINK_VERBS;
}

enum sink_next sink_session_greet(struct sink_session *s)
{
    const struct sink_options *o = s->options;
    enum sink_next next;
    if (told_otherwise(s, SINK_CONNECT, &next))
        return next;
    if (o->pix_greeting)
        return say(s, "220 ********");
    strbuf_addf(&s->out, "220 %s%s\r\n", o->hostname, o->no_esmtp ? "" : " ESMTP");
    return SINK_NEXT_COMMAND;
}

enum sink_next sink_session_command(struct sink_session *s, struct slice line)
{
    enum sink_verb verb = sink_session_verb(line);
    enum sink_next next;
    if (slice_trim(line).len == 0)
        return say(s, "500 5.5.2 Error: unknown command");
    if (!offered(s->options, verb))
        return say(s, "500 5.5.1 Error: unknown command");
    if (s->options->rules[verb].log)
        syslog(LOG_INFO, "%.*s", SLICE_ARG(line));
    if (told_otherwise(s, verb, &next))
        return next;
    return handlers[verb](s, line);
}

bool sink_session_text(struct sink_session *s, struct slice *in)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    struct err err = ERR_INIT;
    bool end = sink_data_feed(&s->data, in, s->dump ? &text : NULL);
    if (s->dump && !sink_dump_write(s->dump, strbuf_slice(&text), &err))
        sink_fatal(s->options, "%s", err.reason);
    return end;
}

enum sink_next sink_session_dot(struct sink_session *s)
{
    enum sink_next next = SINK_NEXT_COMMAND;
    size_t replies = s->options->lmtp ? s->rcpts.count : 1;
    if (s->options->rules[SINK_DOT].log)
        syslog(LOG_INFO, ".");
    if (s->dump) {
        struct err err = ERR_INIT;
        if (!sink_dump_finish(s->dump, &err))
            sink_fatal(s->options, "%s", err.reason);
        s->dump = NULL;
    }
    for (size_t i = 0; i < replies && next != SINK_NEXT_CLOSE; i++)
        if (!told_otherwise(s, SINK_DOT, &next))
            say(s, s->options->lmtp ? "250 2.2.0 Ok" : "250 2.0.0 Ok");
    forget_transaction(s);
    return next;
}
