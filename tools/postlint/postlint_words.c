/* The restrictions of smtpd, as its own table has them (postlint_tables.py). */
#include "postlint/postlint.h"

#include <strings.h>

static const struct {
    const char *name;
    enum postlint_word word;
} words[] = {
#define WORD(name, kind) {#name, WORD_##kind},
#include "postlint_words.inc"
#undef WORD
};

enum postlint_word postlint_word_find(const char *word)
{
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (strcasecmp(words[i].name, word) == 0)
            return words[i].word;
    return WORD_UNKNOWN;
}

bool postlint_word_has_argument(enum postlint_word word)
{
    return word == WORD_MAP || word == WORD_CCERT || word == WORD_NUMBER || word == WORD_TEXT ||
           word == WORD_LISTED || word == WORD_POLICY;
}

void postlint_word_table(struct strbuf *out, const char *table)
{
    struct slice type, name;
    if (!slice_split(slice_of(table), ':', &type, &name))
        strbuf_add_slice(out, slice_first(slice_of(table), 60));
    else if (slice_starts(name, "/"))
        strbuf_add_str(out, table);
    else
        strbuf_addf(out, "%.*s:...", SLICE_ARG(slice_first(type, 60)));
}
