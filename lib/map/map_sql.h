/*
 * map_sql: settings that tables of SQL servers have in common: the older ways to say what the query
 * is.
 */
#ifndef MAP_MAP_SQL_H
#define MAP_MAP_SQL_H

#include "base/err.h"

struct map_sql_select {
    const char *query, *select_function, *select_field, *table, *where_field,
        *additional_conditions; /* select_function may be NULL */
};

/* The query's template: QUERY, else a call of SELECT_FUNCTION, else one made of the other four.
 * Memory of the caller's; NULL with ERR when none of them is there. */
char *map_sql_query(const struct map_sql_select *settings, const char *where, struct err *err);

#endif
