/*
 * postconf_explain: what is known of a parameter, its value, and where that comes from.
 *
 * One screen a parameter, meant for people: a line "label  text" each, texts folded at the margin.
 */
#include "postconf.h"

#include "base/xmem.h"
#include "config/known_params.h"
#include "config/logical_line.h"

#include <inttypes.h>

enum { MARGIN = 80, COLUMN = 16 };

/* LABEL, then TEXT in the second column; an empty LABEL goes on with the one before. */
static void say(const char *label, struct slice text)
{
    CLEANUP(strbuf_done) struct strbuf line = STRBUF_ANY;
    struct slice word;
    strbuf_addf(&line, "    %-*s", COLUMN - 5, label);
    size_t start = 0;
    while (slice_next_token(&text, SLICE_SPACE, &word)) {
        if (line.len - start + 1 + word.len > MARGIN && line.len - start > COLUMN) {
            strbuf_add_char(&line, '\n');
            start = line.len;
            strbuf_add_fill(&line, ' ', COLUMN - 1);
        }
        strbuf_add_char(&line, ' ');
        strbuf_add_slice(&line, word);
    }
    puts(line.s);
}

static void say_text(const char *label, const char *text)
{
    say(label, slice_of(text));
}

/* A list of words separated by blanks, shown with commas. */
static void say_words(const char *label, const char *words)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    bool in_brackets = false;
    for (; *words; words++) {
        in_brackets = (in_brackets || *words == '(') && *words != ')';
        strbuf_add_str(&text, *words == ' ' && !in_brackets ? ", " : (char[]){*words, '\0'});
    }
    say(label, strbuf_slice(&text));
}

static const char *unit_of(const char *default_text)
{
    size_t len = strlen(default_text);
    switch (len > 0 ? default_text[len - 1] : 's') {
    case 'm':
        return "minutes";
    case 'h':
        return "hours";
    case 'd':
        return "days";
    case 'w':
        return "weeks";
    default:
        return "seconds";
    }
}

static void say_text_type(const struct param_row *row)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    strbuf_add_str(&text, "text");
    if (row->max > 0)
        strbuf_addf(&text, " of %" PRId64 " to %" PRId64 " bytes", row->min, row->max);
    else if (row->min > 0)
        strbuf_add_str(&text, ", not empty");
    if (row->kind == PARAM_RAW)
        strbuf_add_str(&text, "; $name in it is expanded where the value is used");
    say("type", strbuf_slice(&text));
}

static void say_number_type(const struct param_row *row)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    const char *unit = row->kind == PARAM_TIME ? "s" : "";
    if (row->kind == PARAM_TIME)
        strbuf_addf(&text, "time: a number and s, m, h, d or w; without a letter in %s",
                    unit_of(row->default_text));
    else
        strbuf_add_str(&text, "number");
    if (row->max > 0)
        strbuf_addf(&text, "; %" PRId64 "%s to %" PRId64 "%s", row->min, unit, row->max, unit);
    else if (row->min > 0)
        strbuf_addf(&text, "; at least %" PRId64 "%s", row->min, unit);
    say("type", strbuf_slice(&text));
}

static void say_type(const struct param_row *row, const char *words)
{
    if (row->kind == PARAM_BOOL)
        say_text("type", "yes or no");
    else if (row->kind == PARAM_TEXT || row->kind == PARAM_RAW)
        say_text_type(row);
    else
        say_number_type(row);
    if (words)
        say_words("accepted", words);
}

/* The first line of the entry that sets NAME in main.cf; 0 when it does not. */
static int main_cf_line(const struct postconf *pc, const char *name)
{
    CLEANUP(xfree_ptr) char *file = xasprintf("%s/main.cf", pc->dir);
    CLEANUP(strbuf_done) struct strbuf content = STRBUF_ANY;
    CLEANUP(logical_line_done) struct logical_line line;
    struct err err = ERR_INIT;
    int found = 0;
    if (!logical_line_read_file(file, &content, &err))
        postconf_fatal(pc, "%s", err.reason); /* it could be read a moment ago */
    logical_line_init(&line, strbuf_slice(&content));
    while (logical_line_next(&line)) {
        struct slice set, value;
        const char *mistake;
        if (config_split(strbuf_slice(&line.text), &set, &value, &mistake) && slice_eq(set, name))
            found = line.first;
    }
    return found;
}

static bool is_override(const struct postconf *pc, const char *name)
{
    for (size_t i = 0; i < pc->overrides.count; i++) {
        struct slice set, value;
        const char *mistake;
        if (config_split(slice_of(pc->overrides.at[i]), &set, &value, &mistake) &&
            slice_eq(set, name))
            return true;
    }
    return false;
}

static void say_value(const char *label, struct slice value)
{
    if (value.len == 0)
        say_text(label, "(empty)");
    else
        say(label, value);
}

/* What VALUE stands for, where that is not what is written. */
static void say_expanded(const struct postconf *pc, const char *value)
{
    CLEANUP(strbuf_done) struct strbuf out = STRBUF_INIT(CONFIG_VALUE_MAX);
    struct err err = ERR_INIT;
    if (!strchr(value, '$'))
        return;
    if (!config_expand(pc->cfg, slice_of(value), &out, &err))
        strbuf_setf(&out, "nothing: %s", err.reason);
    say_value("that is", strbuf_slice(&out));
}

static void say_current(const struct postconf *pc, const char *name, const char *default_text)
{
    CLEANUP(strbuf_done) struct strbuf from = STRBUF_ANY;
    const char *value = config_set_value(pc->cfg, name);
    if (!value) {
        say_text("value", default_text ? "the default" : "not set");
        if (default_text)
            say_expanded(pc, default_text);
        return;
    }
    say_value("value", slice_of(value));
    say_expanded(pc, value);
    int line = main_cf_line(pc, name);
    if (is_override(pc, name))
        strbuf_add_str(&from, "option -o of this command");
    else if (line > 0)
        strbuf_addf(&from, "%s/main.cf, line %d", pc->dir, line);
    else
        strbuf_add_str(&from, "option -c or MAIL_CONFIG");
    say("from", strbuf_slice(&from));
}

/* Services whose processes see another value. */
static void say_services(const struct postconf *pc, const char *name)
{
    for (const struct postconf_service *s = pc->services; s; s = s->next) {
        struct slice set, value;
        for (size_t at = 0; postconf_services_next_setting(s, &at, &set, &value);) {
            CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
            if (!slice_eq(set, name))
                continue;
            strbuf_addf(&text, "%s/%s has %.*s: -o in %s/master.cf, line %d", s->fields.at[0],
                        s->fields.at[1], SLICE_ARG(value.len > 0 ? value : slice_of("(empty)")),
                        pc->dir, s->line);
            say("but", strbuf_slice(&text));
        }
    }
}

static void say_since(const char *since)
{
    if (strcmp(since, "valija") == 0)
        say_text("since", "not a parameter of Postfix");
    else
        say_text("since", since[0] ? since : "2.0 or before");
}

static void say_old(const char *name)
{
    const struct old_param *old = known_param_old(name);
    if (!old)
        return;
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    if (old->instead[0])
        strbuf_addf(&text, "yes; write %s instead", old->instead);
    else
        strbuf_add_str(&text, "yes; nothing takes its place");
    say("going away", strbuf_slice(&text));
}

static void say_readers(const struct known_param_facts *facts)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    if (facts->comes_with) {
        strbuf_addf(&text, "nothing yet: not built, comes with %s", facts->comes_with);
        say("read by", strbuf_slice(&text));
    } else if (facts->pointless) {
        strbuf_addf(&text, "nothing: %s", facts->pointless);
        say("read by", strbuf_slice(&text));
    } else if (facts->readers[0]) {
        say_words("read by", facts->readers);
    } else {
        say_text("read by", "no program; people and other values use it");
    }
}

static void explain_row(const struct postconf *pc, const struct param_row *row)
{
    const char *name = param_name(row), *value = config_default(pc->cfg, name);
    const struct known_param_facts *facts = known_param_facts(name);
    say_text("is", row->purpose);
    say_type(row, facts->words);
    say_value("default", slice_of(value));
    if (strcmp(value, row->default_text) != 0)
        say_text("", "(of this host and process)");
    say_since(row->since);
    say_old(name);
    say_current(pc, name, value);
    say_services(pc, name);
    say_readers(facts);
}

static void explain_pattern(const struct postconf *pc, const char *name,
                            const struct param_pattern *pattern, struct slice service)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    bool is_there = false;
    for (const struct postconf_service *s = pc->services; s; s = s->next)
        is_there |=
            slice_eq(service, s->fields.at[0]) && param_pattern_is_for(pattern, s->fields.at[7]);
    strbuf_addf(&text, "%s, of the service %.*s%s", pattern->row.purpose, SLICE_ARG(service),
                is_there ? "" : ", which master.cf does not have");
    say("is", strbuf_slice(&text));
    say_type(&pattern->row, NULL);
    say_value("default", slice_of(pattern->row.default_text));
    say_since(pattern->row.since);
    say_current(pc, name, pattern->row.default_text);
    say_services(pc, name);
    say_text("read by", pattern->owner == PATTERN_transport ? "qmgr" : "pipe, spawn");
}

static void explain_users_own(const struct postconf *pc, const char *name)
{
    say_text("is", "no parameter of a program; other values refer to it");
    say_current(pc, name, NULL);
    say_services(pc, name);
}

static bool explain(const struct postconf *pc, const char *name)
{
    const struct param_row *row = param_find(known_param_rows, name);
    const struct known_param_facts *facts = known_param_facts(name);
    struct slice service;
    const struct param_pattern *pattern = known_param_pattern_of(name, &service);
    bool is_users_own = !facts && postconf_used_has(pc, name);
    if (!facts && !pattern && !known_param_old(name) && !is_users_own) {
        postconf_warn(pc, "%s: unknown parameter", name);
        postconf_names_say_near(pc, name);
        return false;
    }
    puts(name);
    if (row) {
        explain_row(pc, row);
    } else if (pattern) {
        explain_pattern(pc, name, pattern, service);
    } else if (known_param_old(name)) {
        say_old(name);
        say_current(pc, name, NULL);
        say_services(pc, name);
    } else {
        explain_users_own(pc, name);
    }
    return true;
}

bool postconf_explain(const struct postconf *pc, char **names)
{
    bool ok = true;
    if (!*names)
        for (size_t i = 0; i < pc->name_count; i++)
            ok &= explain(pc, pc->names[i].name);
    for (; *names; names++)
        ok &= explain(pc, *names);
    return ok;
}
