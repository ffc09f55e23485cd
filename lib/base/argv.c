#include "base/argv.h"

#include "base/xmem.h"

#include <stdarg.h>

void argv_done(struct argv *list)
{
    if (!list)
        return;
    argv_truncate(list, 0);
    free(list->at);
    *list = (struct argv)ARGV_INIT;
}

static void argv_own(struct argv *list, char *s)
{
    if (list->count + 2 > list->cap) {
        list->cap = list->cap ? list->cap * 2 : 8;
        list->at = xrealloc_array(list->at, list->cap, sizeof *list->at);
    }
    list->at[list->count++] = s;
    list->at[list->count] = NULL;
}

void argv_add(struct argv *list, const char *s)
{
    argv_own(list, xstrdup(s));
}

void argv_add_slice(struct argv *list, struct slice a)
{
    argv_own(list, slice_dup(a));
}

void argv_addf(struct argv *list, const char *fmt, ...)
{
    char *text;
    va_list ap;
    va_start(ap, fmt);
    if (vasprintf(&text, fmt, ap) < 0)
        text = xstrdup("");
    va_end(ap);
    argv_own(list, text);
}

void argv_truncate(struct argv *list, size_t count)
{
    while (list->count > count) {
        free(list->at[--list->count]);
        list->at[list->count] = NULL;
    }
}

void argv_add_items(struct argv *list, const char *text)
{
    struct slice in = slice_of(text), item;
    while (slice_next_item(&in, &item))
        argv_add_slice(list, item);
}

bool argv_has(const struct argv *list, const char *s)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->at[i], s) == 0)
            return true;
    return false;
}
