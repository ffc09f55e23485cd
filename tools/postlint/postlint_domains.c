/* Each domain belongs to one class of addresses. Only names that stand in main.cf are compared:
 * what tables hold is not looked up. */
#include "postlint/postlint.h"

#include <strings.h>

static const char *const classes[] = {"mydestination", "virtual_alias_domains",
                                      "virtual_mailbox_domains", "relay_domains"};

static int by_name(const void *a, const void *b)
{
    return strcasecmp(*(char *const *)a, *(char *const *)b);
}

/* The plain names of a list, sorted. */
static void get_names(const struct postlint_scope *scope, const char *list, struct argv *out)
{
    CLEANUP(argv_done) struct argv items = ARGV_INIT;
    postlint_get_items(scope, list, &items);
    for (size_t i = 0; i < items.count; i++)
        if (items.at[i][0] != '!' && items.at[i][0] != '/' && !strchr(items.at[i], ':'))
            argv_add(out, items.at[i]);
    if (out->count > 0)
        qsort(out->at, out->count, sizeof *out->at, by_name);
}

/* Local mail for a relay domain is delivered here, which does no harm; and mydestination was once
 * part of relay_domains by default. */
static enum postlint_id overlap_id(size_t a, size_t b)
{
    return a == 0 && b == COUNT_OF(classes) - 1 ? LINT_V062 : LINT_V060;
}

static void check_pair(struct postlint *lint, const struct postlint_scope *scope, size_t a,
                       size_t b)
{
    CLEANUP(argv_done) struct argv left = ARGV_INIT, right = ARGV_INIT;
    bool left_here = postlint_is_set_here(lint, scope, classes[a]);
    if (!left_here && !postlint_is_set_here(lint, scope, classes[b]))
        return;
    get_names(scope, classes[a], &left);
    get_names(scope, classes[b], &right);
    for (size_t i = 0; i < left.count && right.count > 0; i++)
        if (bsearch(&left.at[i], right.at, right.count, sizeof *right.at, by_name))
            postlint_report(lint, overlap_id(a, b),
                            postlint_where(lint, scope, left_here ? classes[a] : classes[b]), NULL,
                            "%s is in %s and in %s", left.at[i], classes[a], classes[b]);
}

static void check_wildcards(struct postlint *lint, const struct postlint_scope *scope,
                            const char *list)
{
    CLEANUP(argv_done) struct argv names = ARGV_INIT;
    if (!postlint_is_set_here(lint, scope, list))
        return;
    get_names(scope, list, &names);
    for (size_t i = 0; i < names.count; i++)
        if (strpbrk(names.at[i], "*?"))
            postlint_report(lint, LINT_V061, postlint_where(lint, scope, list), NULL,
                            "%s in %s matches nothing: there are no wildcards", names.at[i], list);
}

void postlint_domains(struct postlint *lint)
{
    for (size_t i = 0; i < lint->scope_count; i++) {
        const struct postlint_scope *scope = &lint->scopes[i];
        for (size_t a = 0; a < COUNT_OF(classes); a++) {
            check_wildcards(lint, scope, classes[a]);
            for (size_t b = a + 1; b < COUNT_OF(classes); b++)
                check_pair(lint, scope, a, b);
        }
    }
}
