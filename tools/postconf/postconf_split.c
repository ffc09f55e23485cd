/*
 * postconf_split: one entry of master.cf as words.
 *
 * master refuses what it cannot read; this reads as much as there is and warns of the rest, so that
 * a broken entry can be looked at and mended.
 */
#include "postconf.h"

enum { FIELDS = 8 };

static bool is_blank(char c)
{
    return c != '\0' && strchr(SLICE_SPACE, c);
}

/* One word; blanks inside { } belong to it. */
static bool next_word(struct slice *in, struct slice *ret_word)
{
    size_t len = 0, depth = 0;
    *in = slice_trim_left(*in);
    if (in->len == 0)
        return false;
    for (; len < in->len && (depth > 0 || !is_blank(in->s[len])); len++) {
        if (in->s[len] == '{')
            depth++;
        else if (in->s[len] == '}' && depth > 0)
            depth--;
    }
    *ret_word = slice_first(*in, len);
    *in = slice_from(*in, len);
    return true;
}

bool postconf_split_braces(struct slice *in, struct slice *ret_inner)
{
    size_t depth = 0;
    for (size_t i = 0; i < in->len; i++) {
        if (in->s[i] == '{')
            depth++;
        if (in->s[i] != '}' || --depth > 0)
            continue;
        *ret_inner = slice_first(slice_from(*in, 1), i - 1);
        *in = slice_from(*in, i + 1);
        return true;
    }
    return false;
}

/* What is inside { }, blanks at the ends dropped. */
static struct slice unbrace(const struct postconf *pc, struct slice word, bool *ok)
{
    struct slice whole = word, inner;
    if (!postconf_split_braces(&word, &inner)) {
        *ok = false;
        postconf_warn(pc, "master.cf: missing '}' in \"%.*s\"", SLICE_ARG(whole));
        return slice_trim(slice_from(whole, 1));
    }
    if (word.len > 0) {
        *ok = false;
        postconf_warn(pc, "master.cf: syntax error after '}' in \"%.*s\"", SLICE_ARG(whole));
    }
    return slice_trim(inner);
}

static void add_setting(const struct postconf *pc, struct slice word, struct argv *fields, bool *ok)
{
    struct slice name = SLICE_EMPTY, value = SLICE_EMPTY;
    const char *mistake;
    if (word.s[0] != '{') {
        argv_add_slice(fields, word);
        return;
    }
    word = unbrace(pc, word, ok);
    if (config_split(word, &name, &value, &mistake)) {
        argv_addf(fields, "%.*s=%.*s", SLICE_ARG(name), SLICE_ARG(value));
        return;
    }
    *ok = false;
    postconf_warn(pc, "master.cf: %s: \"%.*s\"", mistake, SLICE_ARG(word));
    argv_add_slice(fields, word);
}

/* A word "-o", "-oNAME=VALUE" or "-voNAME=VALUE"; the setting may be the word behind it. False when
 * WORD is another option. */
static bool take_setting(const struct postconf *pc, struct slice word, struct slice *in,
                         struct argv *fields, bool *ok)
{
    size_t at = slice_find(word, 'o');
    if (at == SIZE_MAX)
        return false;
    if (at > 1)
        argv_add_slice(fields, slice_first(word, at));
    argv_add(fields, "-o");
    word = slice_from(word, at + 1);
    if (word.len > 0 || next_word(in, &word))
        add_setting(pc, word, fields, ok);
    return true;
}

/* An option is one by its text: braces around it go, and the service sees what is inside. */
static bool is_option(struct slice text)
{
    return slice_starts(text, "-") && !slice_eq(text, "--");
}

void postconf_split_arguments(const struct postconf *pc, struct slice line,
                              struct postconf_service *service, bool *ret_ok)
{
    struct argv *fields = &service->fields;
    struct slice word;
    bool takes_settings = true; /* until something stands in braces */
    bool in_options = true, is_value = false;
    service->options_end = SIZE_MAX;
    *ret_ok = true;
    while (next_word(&line, &word)) {
        takes_settings = takes_settings && in_options && word.s[0] != '{';
        if (takes_settings && is_option(word) && take_setting(pc, word, &line, fields, ret_ok))
            continue;
        if (word.s[0] == '{')
            word = unbrace(pc, word, ret_ok);
        if (in_options && !is_value && !is_option(word)) {
            service->options_end = fields->count;
            in_options = false;
        }
        is_value = in_options && !is_value && slice_eq(word, "-o");
        argv_add_slice(fields, word);
    }
    service->options_end = MIN(service->options_end, fields->count);
}

bool postconf_split_is_word(struct slice text)
{
    struct slice word, rest = text;
    return text.s[0] != '{' && next_word(&rest, &word) && word.len == text.len;
}

bool postconf_split(const struct postconf *pc, struct slice line, struct postconf_service *service,
                    bool *ret_ok)
{
    struct slice word = SLICE_EMPTY;
    while (service->fields.count < FIELDS && next_word(&line, &word))
        argv_add_slice(&service->fields, word);
    if (service->fields.count < FIELDS)
        return false;
    postconf_split_arguments(pc, line, service, ret_ok);
    return true;
}
