/*
 * map_sqlite: SQLite databases (sqlite_table(5)).
 *
 * The file is opened at the first look-up, read-only, and kept open. Whoever writes to it locks
 * readers out for a moment: that is waited for, within the time limit of a look-up.
 */
#include "map/map_plugin.h"
#include "map/map_sql.h"

#include <sqlite3.h>

#define PARAM_OWNER map_sqlite
#define PARAM_FILE  "map/sqlite/map_sqlite_rows.def"
#define PARAM_PER_TABLE
#include "config/param_struct.h"

#define PARAM_OWNER map_sqlite
#define PARAM_FILE  "map/sqlite/map_sqlite_rows.def"
#define PARAM_PER_TABLE
#include "config/param_rows.h"

struct map_sqlite {
    struct map map;
    struct map_sql sql;
    struct map_sqlite_params conf;
    sqlite3 *db;
};

static void sqlite_quote(void *ctx, struct slice text, struct strbuf *out)
{
    (void)ctx;
    for (size_t i = 0; i < text.len; i++) {
        if (text.s[i] == '\'')
            strbuf_add_char(out, '\'');
        strbuf_add_char(out, text.s[i]);
    }
}

static bool sqlite_failed(struct map_sqlite *s, const char *what, struct err *err)
{
    return err_set(err, ERR_TEMP, "%s: %s: %s", s->conf.dbpath, what,
                   s->db ? sqlite3_errmsg(s->db) : "out of memory");
}

static bool sqlite_connect(struct map_sqlite *s, struct err *err)
{
    if (s->db)
        return true;
    if (sqlite3_open_v2(s->conf.dbpath, &s->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) !=
        SQLITE_OK) {
        sqlite_failed(s, "open", err);
        sqlite3_close(s->db);
        s->db = NULL;
        return false;
    }
    sqlite3_busy_timeout(s->db, (int)MIN(map_get_options()->remote_timeout_ms, 60 * 1000));
    return true;
}

/* The first column of each row is a result, as in Postfix (tables of SQL servers take all). */
static enum map_status take_rows(struct map_sqlite *s, sqlite3_stmt *statement, const char *key,
                                 struct strbuf *value, struct err *err)
{
    size_t count = 0;
    int status;
    while ((status = sqlite3_step(statement)) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(statement, 0);
        size_t len = (size_t)sqlite3_column_bytes(statement, 0);
        if (text && slice_has_nul((struct slice){text, len})) {
            err_set(err, ERR_TEMP, "%s: result with a null byte", s->conf.dbpath);
            return MAP_FAILED;
        }
        if (map_query_add_result(s->sql.query, key, text, &count, value, err) == MAP_FAILED)
            return MAP_FAILED;
    }
    if (status != SQLITE_DONE) {
        sqlite_failed(s, "query", err);
        return MAP_FAILED;
    }
    return count > 0 ? MAP_FOUND : MAP_NOT_FOUND;
}

static enum map_status sqlite_find(struct map *map, const char *key, struct strbuf *value,
                                   struct err *err)
{
    struct map_sqlite *s = CONTAINER_OF(map, struct map_sqlite, map);
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_INIT(INT32_MAX / 2);
    enum map_status status = map_query_make(s->sql.query, key, sqlite_quote, NULL, &text, err);
    if (status != MAP_FOUND)
        return status;
    if (!sqlite_connect(s, err))
        return MAP_FAILED;
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(s->db, text.s, (int)text.len + 1, &statement, NULL) != SQLITE_OK) {
        sqlite_failed(s, "query", err);
        return MAP_FAILED;
    }
    status = take_rows(s, statement, key, value, err);
    sqlite3_finalize(statement);
    return status;
}

static void sqlite_close(struct map *map)
{
    struct map_sqlite *s = CONTAINER_OF(map, struct map_sqlite, map);
    sqlite3_close(s->db);
    map_sql_done(&s->sql);
    params_done(map_sqlite_param_rows, &s->conf);
}

static struct map *sqlite_open(const char *name, enum map_flags flags, struct err *err)
{
    (void)flags;
    struct map_sqlite *s = map_alloc(sizeof *s);
    s->map.find = sqlite_find;
    s->map.close = sqlite_close;
    if (map_conf_load(name, map_sqlite_param_rows, &s->conf, err) &&
        map_sql_init(&s->sql, &s->map, name, NULL, err))
        return &s->map;
    map_close(&s->map);
    return NULL;
}

static const struct map_driver map_sqlite = {.type = "sqlite", .open = sqlite_open};
MAP_PLUGIN(&map_sqlite)
