/* Values that no program takes, and words that none knows. */
#include "postlint/postlint.h"

#include "base/xmem.h"

static bool is_one_of(const char *words, const char *item)
{
    struct slice in = slice_of(words), word;
    while (slice_next_token(&in, " ", &word))
        if (slice_eq_nocase(word, item))
            return true;
    return false;
}

/* "(path)" among the words: others are possible. */
static void check_words(struct postlint *lint, const struct postlint_setting *s, const char *words)
{
    CLEANUP(argv_done) struct argv items = ARGV_INIT;
    if (strchr(words, '('))
        return;
    postlint_get_items(s->scope, s->name, &items);
    for (size_t i = 0; i < items.count; i++) {
        CLEANUP(xfree_ptr) char *mend = xasprintf("write one or more of: %s", words);
        if (!is_one_of(words, items.at[i]))
            postlint_report(lint, LINT_V015, (struct postlint_where){s->file, s->line, s->name},
                            mend, "%s: word %zu of the value is not known", s->name, i + 1);
    }
}

static bool is_taken(const struct postlint_setting *s, const struct param_row *row)
{
    int64_t number;
    bool flag;
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    switch (row->kind) {
    case PARAM_INT:
        return config_get_int(s->scope->cfg, s->name, row->default_text, row->min, row->max,
                              &number, NULL);
    case PARAM_TIME:
        return config_get_time(s->scope->cfg, s->name, row->default_text, row->min, row->max,
                               &number, NULL);
    case PARAM_BOOL:
        return config_get_bool(s->scope->cfg, s->name, row->default_text, &flag, NULL);
    default:
        return config_get_text(s->scope->cfg, s->name, row->default_text, &text, NULL) &&
               param_check_text(s->name, row, text.s, NULL);
    }
}

static const char *kind_name(enum param_kind kind)
{
    switch (kind) {
    case PARAM_INT:
        return "a number";
    case PARAM_TIME:
        return "a time, such as 10 or 10s, 5m, 2h, 1d, 1w";
    case PARAM_BOOL:
        return "yes or no";
    default:
        return "text";
    }
}

static void check_value(struct postlint *lint, const struct postlint_setting *s,
                        const struct param_row *row)
{
    CLEANUP(strbuf_done) struct strbuf mend = STRBUF_ANY;
    if (is_taken(s, row))
        return;
    strbuf_addf(&mend, "write %s", kind_name(row->kind));
    if (row->min > 0)
        strbuf_addf(&mend, ", at least %lld", (long long)row->min);
    if (row->max > 0)
        strbuf_addf(&mend, ", at most %lld", (long long)row->max);
    postlint_report(lint, LINT_V016, (struct postlint_where){s->file, s->line, s->name}, mend.s,
                    "%s: no program takes this value", s->name);
}

void postlint_values(struct postlint *lint)
{
    for (size_t i = 0; i < lint->setting_count; i++) {
        const struct postlint_setting *s = &lint->settings[i];
        const struct param_row *row = param_find(known_param_rows, s->name);
        const struct known_param_facts *facts = known_param_facts(s->name);
        if (s->is_overridden)
            continue;
        if (row && row->kind != PARAM_RAW)
            check_value(lint, s, row);
        if (facts && facts->words)
            check_words(lint, s, facts->words);
    }
}
