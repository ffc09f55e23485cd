/* Restriction lists: words that do not exist, words without their argument, and words that are
 * never reached. */
#include "postlint/postlint.h"

#include "base/num.h"
#include "base/xmem.h"

#include <strings.h>

static const char *const lists[] = {
    "smtpd_client_restrictions", "smtpd_helo_restrictions",        "smtpd_sender_restrictions",
    "smtpd_relay_restrictions",  "smtpd_recipient_restrictions",   "smtpd_data_restrictions",
    "smtpd_etrn_restrictions",   "smtpd_end_of_data_restrictions",
};

struct list {
    struct postlint *lint;
    const struct postlint_scope *scope;
    const char *name;
    struct postlint_where where;
    const struct argv *classes;
};

static bool is_unconditional(const char *word)
{
    static const char *const ends[] = {"permit", "reject", "defer"};
    for (size_t i = 0; i < COUNT_OF(ends); i++)
        if (strcasecmp(word, ends[i]) == 0)
            return true;
    return false;
}

/* "warn_if_reject reject" goes on. */
static bool is_defused(const struct argv *words, size_t at)
{
    return at > 0 && strcasecmp(words->at[at - 1], "warn_if_reject") == 0;
}

static bool has_class(const struct argv *classes, const char *word)
{
    for (size_t i = 0; i < classes->count; i++)
        if (strcmp(classes->at[i], word) == 0)
            return true;
    return false;
}

static void check_unknown(struct list *list, const char *word)
{
    postlint_report(list->lint, LINT_V050, list->where, NULL,
                    "%s: unknown restriction %.60s: mail is refused with 451 4.3.5", list->name,
                    word);
}

/* The argument of a word, or NULL; false when it will not do. */
static bool is_argument(enum postlint_word word, const char *argument)
{
    int64_t number;
    if (!argument)
        return false;
    if (word == WORD_NUMBER)
        return num_parse_i64(slice_of(argument), &number) && number >= 0 && number <= 3600;
    return (word != WORD_MAP && word != WORD_CCERT && word != WORD_POLICY) || strchr(argument, ':');
}

/* Returns how many items the word at AT takes. */
static size_t check_word(struct list *list, const struct argv *words, size_t at)
{
    const char *word = words->at[at], *next = at + 1 < words->count ? words->at[at + 1] : NULL;
    if (has_class(list->classes, word) || strchr(word, ':'))
        return 1;
    enum postlint_word kind = postlint_word_find(word);
    if (kind == WORD_UNKNOWN)
        check_unknown(list, word);
    if (!postlint_word_has_argument(kind))
        return 1;
    if (!is_argument(kind, next))
        postlint_report(list->lint, LINT_V052, list->where, NULL, "%s: %s needs an argument",
                        list->name, word);
    return 2;
}

static void check_list(struct list *list)
{
    CLEANUP(argv_done) struct argv words = ARGV_INIT;
    postlint_get_items(list->scope, list->name, &words);
    const char *end = NULL;
    for (size_t i = 0; i < words.count;) {
        size_t taken = check_word(list, &words, i);
        if (!end && is_unconditional(words.at[i]) && !is_defused(&words, i) &&
            i + 1 < words.count) {
            end = words.at[i];
            postlint_report(list->lint, LINT_V051, list->where, NULL,
                            "%s: nothing behind %s is reached", list->name, end);
        }
        i += taken;
    }
}

static void check_scope(struct postlint *lint, const struct postlint_scope *scope)
{
    CLEANUP(argv_done) struct argv classes = ARGV_INIT, names = ARGV_INIT;
    postlint_get_items(scope, "smtpd_restriction_classes", &classes);
    for (size_t i = 0; i < COUNT_OF(lists); i++)
        argv_add(&names, lists[i]);
    for (size_t i = 0; i < classes.count; i++)
        argv_add(&names, classes.at[i]);
    for (size_t i = 0; i < names.count; i++) {
        if (!postlint_is_set_here(lint, scope, names.at[i]))
            continue;
        struct list list = {.lint = lint,
                            .scope = scope,
                            .name = names.at[i],
                            .where = postlint_where(lint, scope, names.at[i]),
                            .classes = &classes};
        check_list(&list);
    }
}

void postlint_restrictions(struct postlint *lint)
{
    for (size_t i = 0; i < lint->scope_count; i++)
        check_scope(lint, &lint->scopes[i]);
}
