/* map_sql: see the header. */
#include "map/map_sql.h"

#include "base/xmem.h"

char *map_sql_query(const struct map_sql_select *settings, const char *where, struct err *err)
{
    const struct map_sql_select *s = settings;
    if (*s->query)
        return xstrdup(s->query);
    if (s->select_function && *s->select_function)
        return xasprintf("SELECT %s('%%s')", s->select_function);
    const char *missing = !*s->table          ? "table"
                          : !*s->select_field ? "select_field"
                          : !*s->where_field  ? "where_field"
                                              : NULL;
    if (missing) {
        err_set(err, ERR_CONFIG, "%s: bad string length 0 < 1: %s = ", where, missing);
        return NULL;
    }
    return xasprintf("SELECT %s FROM %s WHERE %s = '%%s' %s", s->select_field, s->table,
                     s->where_field, s->additional_conditions);
}
