/*
 * map_query: what the tables of database clients share: the domains they answer for, queries made
 * from a key, and results made from what came back.
 *
 * In a query:   %s the key; %u its local part (the whole key when it has no "@"); %d its domain;
 *               %1 ... %9 the labels of the domain, the last one first; %% a percent sign.
 * In a result:  %s, %u, %d of the value found; %S, %U, %D and %1 ... %9 of the key.
 * A key without what the query asks for is not looked up; a value without it adds nothing.
 */
#ifndef MAP_MAP_QUERY_H
#define MAP_MAP_QUERY_H

#include "base/err.h"
#include "base/strbuf.h"
#include "map/map.h"

/* Add TEXT, made safe for the place where it goes in a query; CTX is the driver's. */
typedef void (*map_query_quote)(void *ctx, struct slice text, struct strbuf *out);

/* --- templates ------------------------------------------------------------------------------- */

/* Is every % of TEMPLATE followed by a letter we know? */
bool map_query_template_is_valid(const char *template);
/* Append TEMPLATE with its % replaced, each through QUOTE (NULL: as it is). KEY is what %S, %U, %D,
 * %1 mean, VALUE what %s, %u, %d mean; in a query both are the key. False, nothing appended, when
 * KEY or VALUE lacks a part that is asked for. */
bool map_query_expand(const char *template, const char *value, const char *key,
                      map_query_quote quote, void *ctx, struct strbuf *out);

/* --- a table's use of them ------------------------------------------------------------------- */

struct map_query_options {
    const char *where;         /* "/etc/postfix/users.cf": begins the errors */
    const char *query;         /* a template; NULL: the driver makes its own with the above */
    const char *result_format; /* a template; "%s" */
    const char *domain;        /* list of domains and tables; "": any key is looked up */
    int64_t expansion_limit;   /* most results of one key; 0: any number */
};

struct map_query;

/* OPTIONS and its texts must live as long as the result. NULL with ERR (a bad template). */
struct map_query *map_query_new(const struct map_query_options *options, struct err *err);
void map_query_free(struct map_query *query);
/* What was odd in the domain list, one text a line; for map_warn(). */
const char *map_query_warnings(const struct map_query *query);

/* Is KEY to be looked up at all (the domain list)? MAP_FOUND: yes. MAP_FAILED: a table in the list
 * failed. */
enum map_status map_query_accepts(struct map_query *query, const char *key, struct err *err);
/* The same, and the query for KEY, appended to OUT. */
enum map_status map_query_make(struct map_query *query, const char *key, map_query_quote quote,
                               void *ctx, struct strbuf *out, struct err *err);

enum { MAP_QUERY_RESULT_MAX = 4 * 1024 * 1024 }; /* all results of one key together */

/* Results of one key are put together in a strbuf, with commas. COUNT is 0 before the first.
 * NULL or empty values add nothing. MAP_FAILED: past expansion_limit or MAP_QUERY_RESULT_MAX.
 * MAP_FOUND otherwise. */
enum map_status map_query_add_result(const struct map_query *query, const char *key,
                                     const char *value, size_t *count, struct strbuf *out,
                                     struct err *err);

#endif
