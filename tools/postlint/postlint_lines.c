/* Lines that mean something else than they look: settings given twice, lines that continue another
 * one by accident, white space in -o. */
#include "postlint/postlint.h"

#include "base/xmem.h"

static void check_duplicates(struct postlint *lint)
{
    for (size_t i = 0; i < lint->setting_count; i++) {
        const struct postlint_setting *s = &lint->settings[i];
        if (!s->is_overridden)
            continue;
        const struct postlint_setting *last = postlint_setting_of(lint, s->scope, s->name);
        struct postlint_where where = {s->file, s->line, s->name};
        if (last && last->line != s->line)
            postlint_report(lint, LINT_V001, where, NULL, "%s is set again in line %d", s->name,
                            last->line);
        else
            postlint_report(lint, LINT_V001, where, NULL, "%s is set twice", s->name);
    }
}

/* "name =" at the start of LINE: the length of the name, else 0. */
static size_t name_before_equals(struct slice line)
{
    size_t len = 0;
    while (len < line.len && (line.s[len] == '_' || (line.s[len] >= 'a' && line.s[len] <= 'z') ||
                              (line.s[len] >= '0' && line.s[len] <= '9')))
        len++;
    struct slice rest = slice_trim_left(slice_from(line, len));
    return rest.len > 0 && rest.s[0] == '=' ? len : 0;
}

static bool looks_like_setting(const struct postlint *lint, struct slice content, bool after_gap)
{
    size_t len = name_before_equals(content);
    if (len == 0)
        return false;
    CLEANUP(xfree_ptr) char *name = slice_dup(slice_first(content, len));
    return postlint_is_param(lint, name) || (after_gap && strchr(name, '_'));
}

static bool looks_like_entry(struct slice content)
{
    struct slice word, rest = content;
    for (size_t i = 0; i < 8; i++) {
        if (!slice_next_token(&rest, SLICE_SPACE, &word))
            return false;
        if (i != 1)
            continue;
        bool is_type = false;
        for (int type = SERVICE_INET; type <= SERVICE_PASS; type++)
            is_type = is_type || slice_eq(word, service_type_name((enum service_type)type));
        if (!is_type)
            return false;
    }
    return true;
}

static void check_continued(struct postlint *lint, const char *file, struct slice text)
{
    bool is_main = file == lint->main_cf, after_gap = false;
    struct slice line;
    for (int number = 1, first = 0; slice_next_line(&text, &line); number++) {
        struct slice content = slice_trim(line);
        bool is_gap = content.len == 0 || content.s[0] == '#';
        bool is_continued = !is_gap && line.s[0] != content.s[0];
        if (!is_gap && !is_continued)
            first = number;
        if (is_continued && first > 0 &&
            (is_main ? looks_like_setting(lint, content, after_gap) : looks_like_entry(content)))
            postlint_report(lint, LINT_V002, (struct postlint_where){file, number, NULL}, NULL,
                            "the line begins with white space, so it continues line %d", first);
        after_gap = is_gap;
    }
}

/* -o a = b: the settings end there, and the rest becomes arguments of the program. */
static void check_options(struct postlint *lint, const struct master_entry *entry)
{
    struct postlint_where where = {lint->master_cf, entry->line, entry->name};
    const struct argv *args = &entry->args;
    for (size_t i = 0; i + 1 < args->count && args->at[i][0] == '-'; i++) {
        if (strcmp(args->at[i], "-o") != 0)
            continue;
        struct slice arg = slice_of(args->at[++i]), name, value;
        const char *next = i + 1 < args->count ? args->at[i + 1] : "";
        if (!slice_split(arg, '=', &name, &value))
            postlint_report(lint, LINT_V003, where, NULL, "-o %.*s has no \"=\"",
                            SLICE_ARG(slice_first(arg, 80)));
        else if (name.len == 0)
            postlint_report(lint, LINT_V003, where, NULL, "-o has no name in front of \"=\"");
        else if (value.len == 0 && next[0] && next[0] != '-')
            postlint_report(lint, LINT_V003, where, NULL,
                            "white space behind \"=\": -o %.*s= is set to nothing",
                            SLICE_ARG(slice_first(name, 80)));
    }
}

void postlint_lines(struct postlint *lint)
{
    check_duplicates(lint);
    check_continued(lint, lint->main_cf, strbuf_slice(&lint->main_text));
    check_continued(lint, lint->master_cf, strbuf_slice(&lint->master_text));
    for (const struct master_entry *entry = lint->entries; entry; entry = entry->next)
        check_options(lint, entry);
}
