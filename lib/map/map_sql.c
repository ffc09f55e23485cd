/* map_sql: see the header. */
#include "map/map_sql.h"

#include "base/xmem.h"

#define PARAM_OWNER map_sql
#define PARAM_FILE  "map/map_sql_rows.def"
#define PARAM_PER_TABLE
#include "config/param_rows.h"

#define PARAM_OWNER map_sql_server
#define PARAM_FILE  "map/map_sql_server_rows.def"
#define PARAM_PER_TABLE
#include "config/param_rows.h"

enum { QUERY_MAX = INT32_MAX / 4 };

/* --- any SQL table -------------------------------------------------------------------------- */

/* The query's template: `query`, else a call of SELECT_FUNCTION, else made of the older four. */
static char *make_template(const struct map_sql *sql, const char *select_function, struct err *err)
{
    const struct map_sql_params *c = &sql->conf;
    if (*c->query)
        return xstrdup(c->query);
    if (select_function && *select_function)
        return xasprintf("SELECT %s('%%s')", select_function);
    const char *missing = !*c->table          ? "table"
                          : !*c->select_field ? "select_field"
                          : !*c->where_field  ? "where_field"
                                              : NULL;
    if (missing) {
        err_set(err, ERR_CONFIG, "%s: bad string length 0 < 1: %s = ", sql->where, missing);
        return NULL;
    }
    return xasprintf("SELECT %s FROM %s WHERE %s = '%%s' %s", c->select_field, c->table,
                     c->where_field, c->additional_conditions);
}

bool map_sql_init(struct map_sql *sql, struct map *map, const char *name,
                  const char *select_function, struct err *err)
{
    const struct map_sql_params *c = &sql->conf;
    sql->where = xstrdup(name);
    if (!map_conf_load(name, map_sql_param_rows, &sql->conf, err))
        return false;
    sql->template = make_template(sql, select_function, err);
    const struct map_query_options options = {.where = sql->where,
                                              .query = sql->template,
                                              .result_format = c->result_format,
                                              .domain = c->domain,
                                              .expansion_limit = c->expansion_limit};
    sql->query = sql->template ? map_query_new(&options, err) : NULL;
    if (sql->query)
        strbuf_add_str(&map->warnings, map_query_warnings(sql->query));
    return sql->query != NULL;
}

void map_sql_done(struct map_sql *sql)
{
    map_query_free(sql->query);
    params_done(map_sql_param_rows, &sql->conf);
    free(sql->template);
    free(sql->where);
    *sql = (struct map_sql){0};
}

/* --- one of a server ------------------------------------------------------------------------ */

static enum map_status server_find(struct map *map, const char *key, struct strbuf *value,
                                   struct err *err)
{
    struct map_sql_server *t = CONTAINER_OF(map, struct map_sql_server, map);
    struct map_sql_lookup lookup = {.table = t, .key = key, .value = value};
    CLEANUP(strbuf_done) struct strbuf trial = STRBUF_INIT(QUERY_MAX);
    enum map_status status = map_query_make(t->sql.query, key, NULL, NULL, &trial, err);
    if (status != MAP_FOUND)
        return status; /* no server is needed to say so */
    if (!map_hosts_ask(&t->hosts, &lookup, err))
        return MAP_FAILED;
    return lookup.count > 0 ? MAP_FOUND : MAP_NOT_FOUND;
}

static bool server_tidy(struct map *map)
{
    return map_hosts_tidy(&CONTAINER_OF(map, struct map_sql_server, map)->hosts);
}

bool map_sql_server_init(struct map_sql_server *table, const char *what, const char *name,
                         const char *select_function, const struct map_hosts_ops *ops,
                         struct err *err)
{
    table->map.find = server_find;
    table->map.tidy = server_tidy;
    if (!map_conf_load(name, map_sql_server_param_rows, &table->conf, err) ||
        !map_sql_init(&table->sql, &table->map, name, select_function, err))
        return false;
    table->map.server = table->conf.hosts;
    map_hosts_init(&table->hosts, &table->map, what, ops, table->conf.hosts);
    table->hosts.idle_ms = table->conf.idle_interval * 1000;
    table->hosts.retry_ms = table->conf.retry_interval * 1000;
    return true;
}

void map_sql_server_done(struct map_sql_server *table)
{
    map_hosts_done(&table->hosts);
    map_sql_done(&table->sql);
    params_done(map_sql_server_param_rows, &table->conf);
}

enum map_status map_sql_server_query(struct map_sql_lookup *lookup, map_query_quote quote,
                                     void *ctx, struct strbuf *text, struct err *err)
{
    lookup->count = 0;
    strbuf_reset(lookup->value);
    return map_query_make(lookup->table->sql.query, lookup->key, quote, ctx, text, err);
}

bool map_sql_server_add(struct map_sql_lookup *lookup, const char *text, size_t len,
                        struct err *err)
{
    if (text && slice_has_nul((struct slice){text, len}))
        return err_set(err, ERR_TEMP, "result with a null byte");
    return map_query_add_result(lookup->table->sql.query, lookup->key, text, &lookup->count,
                                lookup->value, err) != MAP_FAILED;
}
