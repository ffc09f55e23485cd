/*
 * map_pattern: what regexp: and pcre: tables share: lines of the form "/pattern/flags result".
 *
 * An engine compiles and matches; everything else is here.
 */
#ifndef MAP_MAP_PATTERN_H
#define MAP_MAP_PATTERN_H

#include "map/map.h"
#include "map/map_template.h"

struct map_pattern_engine {
    const char *type;
    const char *unclosed;      /* the words after "no closing regexp delimiter" */
    const char *flags;         /* the letters allowed after the pattern */
    const char *unlike_prefix; /* those that make "^" or plain text mean something else */
    /* Compile PATTERN with the letters of FLAGS that were toggled; NULL with PROBLEM. */
    void *(*compile)(const char *pattern, const char *toggled, bool utf8, size_t *ret_groups,
                     struct strbuf *problem);
    void (*free_pattern)(void *pattern);
    /* GROUPS[0..COUNT-1] become what matched, empty for those that took no part. */
    /* KEY has a NUL behind it. */
    enum map_status (*match)(void *pattern, struct slice key, struct slice *groups, size_t count,
                             struct err *err);
};

struct map *map_pattern_open(const struct map_pattern_engine *engine, const char *name,
                             enum map_flags flags, struct err *err);

#endif
