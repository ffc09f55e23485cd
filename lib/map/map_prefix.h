/*
 * map_prefix: the plain text that a regular expression such as /^Subject: buy/ begins with. A key
 * that begins otherwise cannot match, which is cheap to see.
 */
#ifndef MAP_MAP_PREFIX_H
#define MAP_MAP_PREFIX_H

#include "base/slice.h"

struct map_prefix {
    uint8_t len; /* 0: any key may match */
    bool is_caseless;
    char text[30]; /* in lower case when IS_CASELESS */
};

/* PATTERN is extended syntax, without modes in which "^" or blanks mean something else. */
struct map_prefix map_prefix_of(struct slice pattern, bool is_caseless);
/* False: no match is possible. */
bool map_prefix_allows(const struct map_prefix *prefix, const char *key);

#endif
