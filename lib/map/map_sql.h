/*
 * map_sql: what the tables in SQL databases have in common: settings, the query made from a key,
 * and a look-up at some server (map_hosts). A driver adds how to connect, to quote and to read
 * rows.
 */
#ifndef MAP_MAP_SQL_H
#define MAP_MAP_SQL_H

#include "map/map_conf.h"
#include "map/map_hosts.h"
#include "map/map_query.h"

#define PARAM_OWNER map_sql
#define PARAM_FILE  "map/map_sql_rows.def"
#define PARAM_PER_TABLE
#include "config/param_struct.h"

#define PARAM_OWNER map_sql_server
#define PARAM_FILE  "map/map_sql_server_rows.def"
#define PARAM_PER_TABLE
#include "config/param_struct.h"

/* --- any SQL table -------------------------------------------------------------------------- */

struct map_sql {
    char *where; /* the settings: a file, or the prefix of names in main.cf */
    struct map_sql_params conf;
    char *template; /* of the query, however it was given */
    struct map_query *query;
};

/* Read the settings of NAME (what follows "type:"). SELECT_FUNCTION: an older way to give the
 * query, or NULL. MAP gets the warnings. The caller owes map_sql_done() also after a failure. */
bool map_sql_init(struct map_sql *sql, struct map *map, const char *name,
                  const char *select_function, struct err *err);
void map_sql_done(struct map_sql *sql);

/* --- one of a server ------------------------------------------------------------------------ */

/* Drivers begin with this. */
struct map_sql_server {
    struct map map;
    struct map_sql sql;
    struct map_sql_server_params conf;
    struct map_hosts hosts;
};

/* The CTX of struct map_hosts_ops. */
struct map_sql_lookup {
    struct map_sql_server *table;
    const char *key;
    struct strbuf *value; /* results so far, and how many */
    size_t count;
};

/* WHAT is the type's word. Sets the functions find and tidy. map_sql_server_done() is owed as
 * above. */
bool map_sql_server_init(struct map_sql_server *table, const char *what, const char *name,
                         const char *select_function, const struct map_hosts_ops *ops,
                         struct err *err);
void map_sql_server_done(struct map_sql_server *table);
/* Begin ops.query(): results of an earlier server are forgotten, the query for the key is appended
 * to TEXT. */
enum map_status map_sql_server_query(struct map_sql_lookup *lookup, map_query_quote quote,
                                     void *ctx, struct strbuf *text, struct err *err);
/* One column of a row, or NULL. False: it is not to be had, see map_query_add_result(). */
bool map_sql_server_add(struct map_sql_lookup *lookup, const char *text, size_t len,
                        struct err *err);

#endif
