/* argv: a growing, NULL-terminated list of strings that it owns. */
#ifndef BASE_ARGV_H
#define BASE_ARGV_H

#include "base/slice.h"

struct argv {
    char **at; /* at[count] is NULL; NULL itself while the list was never added to */
    size_t count, cap;
};

#define ARGV_INIT                                                                                  \
    {                                                                                              \
        NULL, 0, 0                                                                                 \
    }

void argv_done(struct argv *list);
void argv_add(struct argv *list, const char *s);
void argv_add_slice(struct argv *list, struct slice a);
void argv_addf(struct argv *list, const char *fmt, ...) PRINTF(2, 3);
void argv_truncate(struct argv *list, size_t count);
/* Add the items of a main.cf list value (white space or commas; see slice_next_item). */
void argv_add_items(struct argv *list, const char *text);
bool argv_has(const struct argv *list, const char *s);

#endif
