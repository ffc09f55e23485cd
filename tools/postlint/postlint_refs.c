#include "postlint/postlint_refs.h"

#include <stdlib.h>
#include <string.h>

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static void add_dollars(struct argv *refs, struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.s[i] != '$')
            continue;
        struct slice rest = slice_from(text, i + 1);
        if (rest.len > 0 && rest.s[0] == '$') {
            i++;
            continue;
        }
        if (rest.len > 0 && (rest.s[0] == '{' || rest.s[0] == '('))
            rest = slice_trim_left(slice_from(rest, 1));
        size_t len = 0;
        while (len < rest.len && is_name_char(rest.s[len]))
            len++;
        if (len > 0)
            argv_add_slice(refs, slice_first(rest, len));
    }
}

/* "type:name" in a list: settings of the table begin with "name_". */
static void add_tables(struct argv *refs, struct slice text)
{
    static const char *const types[] = {"ldap:", "mysql:", "pgsql:", "sqlite:", "memcache:"};
    struct slice word;
    while (slice_next_token(&text, ", \t\r\n{}", &word)) {
        if (slice_starts(word, "proxy:"))
            word = slice_from(word, strlen("proxy:"));
        for (size_t i = 0; i < COUNT_OF(types); i++) {
            if (!slice_starts(word, types[i]))
                continue;
            struct slice name = slice_from(word, strlen(types[i]));
            if (name.len > 0 && name.s[0] != '/' && name.s[0] != '.')
                argv_addf(refs, "%.*s_*", SLICE_ARG(name));
        }
    }
}

void postlint_refs_add(struct argv *refs, struct slice text)
{
    add_dollars(refs, text);
    add_tables(refs, text);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void postlint_refs_sort(struct argv *refs)
{
    if (refs->count > 0)
        qsort(refs->at, refs->count, sizeof *refs->at, by_text);
}

bool postlint_refs_has(const struct argv *refs, const char *name)
{
    if (refs->count == 0)
        return false;
    if (bsearch(&name, refs->at, refs->count, sizeof *refs->at, by_text))
        return true;
    for (size_t i = 0; i < refs->count; i++) {
        struct slice prefix = slice_of(refs->at[i]);
        if (prefix.len > 0 && prefix.s[prefix.len - 1] == '*' &&
            strncmp(name, prefix.s, prefix.len - 1) == 0)
            return true;
    }
    return false;
}
