/* What a command needs to run, and what its end means: sysexits.h in the terms of RFC 3463. */
#include "delivery/command_run.h"
#include "delivery/delivery.h"

#include <string.h>

/* Only an absolute path without anything special is run directly; all else may be known to the
 * shell alone. */
bool command_run_needs_shell(const char *command)
{
    static const char special[] = "~`!#$^&*()={}[]|\\;\"'<>?\n";
    return command[0] != '/' || strpbrk(command, special);
}

struct meaning {
    int status;
    const char *dsn, *text;
};

static const struct meaning *meaning_find(int status)
{
    // clang-format off
    static const struct meaning rows[] = {
        {64, "5.3.0", "command line usage error"},
        {65, "5.6.0", "data format error"},
        {66, "5.3.0", "cannot open input"},
        {67, "5.1.1", "user unknown"},
        {68, "5.1.2", "host name unknown"},
        {69, "5.3.0", "service unavailable"},
        {70, "5.3.0", "internal software error"},
        {71, "4.3.0", "system resource problem"},
        {72, "5.3.0", "critical OS file missing"},
        {73, "5.2.0", "can't create user output file"},
        {74, "5.3.0", "input/output error"},
        {75, "4.3.0", "temporary failure"},
        {76, "5.5.0", "remote error in protocol"},
        {77, "5.7.0", "permission denied"},
        {78, "5.3.5", "local configuration error"},
    };
    // clang-format on
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (rows[i].status == status)
            return &rows[i];
    return NULL;
}

/* On one line, as it goes into a log line and a bounce. */
static void add_line(struct slice output, struct strbuf *text)
{
    for (size_t i = 0; i < output.len; i++)
        strbuf_add_char(text, strchr("\t\r\n", output.s[i]) ? ' ' : output.s[i]);
}

static void add_output(const struct command_result *r, struct strbuf *text)
{
    struct slice output = strbuf_slice(&r->output);
    if (output.len == 0)
        return;
    strbuf_add_str(text, ". Command output: ");
    add_line(output, text);
}

static const char *exited(const struct command_result *r, const char *command, struct strbuf *dsn,
                          struct strbuf *text)
{
    struct slice own_dsn, rest;
    if (r->status == 0)
        return NULL;
    /* the command's own code goes over the exit status */
    if (delivery_split_dsn(strbuf_slice(&r->output), &own_dsn, &rest)) {
        if (own_dsn.s[0] == '2') /* it failed, whatever it says */
            own_dsn = slice_of("5.0.0");
        strbuf_set_slice(dsn, own_dsn);
        add_line(rest, text);
        return dsn->s;
    }
    const struct meaning *meaning = meaning_find(r->status);
    strbuf_set(dsn, meaning ? meaning->dsn : "5.3.0");
    if (meaning)
        strbuf_add_str(text, meaning->text);
    else
        strbuf_addf(text, "Command died with status %d: \"%s\"", r->status, command);
    add_output(r, text);
    return dsn->s;
}

const char *command_run_verdict(const struct command_result *r, const char *command,
                                struct strbuf *dsn, struct strbuf *text)
{
    strbuf_set(dsn, "4.3.0");
    switch (r->end) {
    case COMMAND_EXITED:
        return exited(r, command, dsn, text);
    case COMMAND_KILLED:
        strbuf_addf(text, "Command died with signal %d: \"%s\"", r->status, command);
        add_output(r, text);
        return dsn->s;
    case COMMAND_TIMED_OUT:
        strbuf_set(dsn, "5.3.0");
        strbuf_addf(text, "Command time limit exceeded: \"%s\"", command);
        add_output(r, text);
        return dsn->s;
    case COMMAND_NOT_STARTED:
    case COMMAND_UNREADABLE:
        break;
    }
    strbuf_add_str(text, r->err.reason);
    return dsn->s;
}

void command_run_add_output(const struct command_result *r, struct strbuf *text)
{
    struct slice output = slice_trim(strbuf_slice(&r->output));
    if (output.len == 0)
        return;
    strbuf_add_str(text, " (");
    add_line(output, text);
    strbuf_add_char(text, ')');
}
