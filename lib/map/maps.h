/*
 * maps: the tables of one parameter, searched in order; the first that has the key answers.
 */
#ifndef MAP_MAPS_H
#define MAP_MAPS_H

#include "map/map.h"

struct maps;

/* Open the tables of LIST (main.cf list of type:name); TITLE is the parameter's name, used in
 * errors. An empty list gives maps that find nothing. */
struct maps *maps_open(const char *title, const char *list, enum map_flags flags);
void maps_close(struct maps *maps);
bool maps_is_empty(const struct maps *maps); /* NULL counts as empty */
const char *maps_title(const struct maps *maps);
bool maps_have_changed(struct maps *maps);

/* What the tables had to say since the last call (map_warnings() of each), one text a line; valid
 * until the next call. For programs to log. */
const char *maps_warnings(struct maps *maps);

/* For tools that explain a search: called for each table and key, in their order. A pattern table
 * that is passed over because KEY is a part of another has WAS_ASKED false. */
struct maps_step {
    const char *table, *key, *value; /* VALUE when found */
    bool was_asked;
    enum map_status status;
    const struct err *err; /* when STATUS is MAP_FAILED */
};
void maps_observe(struct maps *maps, void (*fn)(void *ctx, const struct maps_step *step),
                  void *ctx);

enum maps_key { MAPS_WHOLE_KEY, MAPS_PARTIAL_KEY }; /* partial: pattern tables are left out */

/* Search in order. An empty value counts as an error as in Postfix. The error names table and key.
 * Returns MAP_FAILED at the first table that cannot answer. */
enum map_status maps_find(struct maps *maps, const char *key, enum maps_key kind,
                          struct strbuf *value, struct err *err);
/* The same, and which table answered ("hash:/etc/aliases"). */
enum map_status maps_find_in(struct maps *maps, const char *key, enum maps_key kind,
                             struct strbuf *value, const char **ret_table, struct err *err);

#endif
