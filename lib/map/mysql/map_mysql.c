/*
 * map_mysql: MariaDB and MySQL (mysql_table(5)). The library blocks; each of its reads and writes
 * has the time limit of a look-up, and map_guard bounds the whole. Rows are taken one by one: a
 * huge result is given up at its limit.
 */
/* first: it has names in it that base/banned.h takes away */
#include <mysql.h>

#include <errmsg.h>

#include "map/map_plugin.h"
#include "map/map_sql.h"

#include "base/xmem.h"

#include <sys/socket.h>

#define PARAM_OWNER map_mysql
#define PARAM_FILE  "map/mysql/map_mysql_rows.def"
#define PARAM_PER_TABLE
#include "config/param_struct.h"

#define PARAM_OWNER map_mysql
#define PARAM_FILE  "map/mysql/map_mysql_rows.def"
#define PARAM_PER_TABLE
#include "config/param_rows.h"

enum { ERROR_SHUTDOWN = 1053, ERROR_KILLED = 1927 }; /* of a server that cuts the connection */

struct map_mysql {
    struct map_sql_server server;
    struct map_mysql_params conf;
};

static struct map_mysql *mysql_of(struct map_sql_server *server)
{
    return CONTAINER_OF(server, struct map_mysql, server);
}

/* --- connecting ----------------------------------------------------------------------------- */

static const char *or_null(const char *text)
{
    return *text ? text : NULL;
}

static void set_options(MYSQL *db, const struct map_mysql_params *c, struct deadline deadline)
{
    unsigned left_s = (unsigned)((deadline_left_ms(deadline) + 999) / 1000);
    unsigned limit_s = (unsigned)((map_get_options()->remote_timeout_ms + 999) / 1000);
    my_bool verify = c->tls_verify_cert;
    mysql_options(db, MYSQL_OPT_CONNECT_TIMEOUT, &left_s);
    mysql_options(db, MYSQL_OPT_READ_TIMEOUT, &limit_s);
    mysql_options(db, MYSQL_OPT_WRITE_TIMEOUT, &limit_s);
    mysql_options(db, MYSQL_SET_CHARSET_NAME, c->charset);
    if (*c->option_file)
        mysql_options(db, MYSQL_READ_DEFAULT_FILE, c->option_file);
    if (*c->option_file || *c->option_group)
        mysql_options(db, MYSQL_READ_DEFAULT_GROUP, or_null(c->option_group));
    if (*c->tls_cert_file || *c->tls_key_file || *c->tls_CAfile || *c->tls_CApath ||
        *c->tls_ciphers)
        mysql_ssl_set(db, or_null(c->tls_key_file), or_null(c->tls_cert_file),
                      or_null(c->tls_CAfile), or_null(c->tls_CApath), or_null(c->tls_ciphers));
    mysql_options(db, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify);
}

static bool mysql_failed(MYSQL *db, struct err *err)
{
    return err_set(err, ERR_TEMP, "%s", mysql_error(db));
}

static bool mysql_table_connect(void *ctx, struct map_host *host, struct deadline deadline,
                                struct err *err)
{
    struct map_sql_server *server = ((struct map_sql_lookup *)ctx)->table;
    const struct map_sql_server_params *c = &server->conf;
    MYSQL *db = mysql_init(NULL);
    if (!db)
        return err_set(err, ERR_TEMP, "out of memory");
    CLEANUP(xfree_ptr) char *place = NULL;
    uint16_t port;
    bool is_unix = slice_starts(slice_of(host->name), "unix:");
    map_hosts_split(host->name, &place, &port);
    set_options(db, &mysql_of(server)->conf, deadline);
    if (!mysql_real_connect(db, is_unix ? NULL : place, or_null(c->user), or_null(c->password),
                            c->dbname, port, is_unix ? place : NULL, CLIENT_MULTI_RESULTS)) {
        mysql_failed(db, err);
        mysql_close(db);
        return false;
    }
    host->handle = db;
    return true;
}

static void mysql_table_disconnect(void *handle)
{
    mysql_close(handle);
}

/* --- asking --------------------------------------------------------------------------------- */

static void mysql_quote(void *ctx, struct slice text, struct strbuf *out)
{
    char *room = strbuf_room(out, 2 * text.len + 1);
    if (room)
        strbuf_grew(out, mysql_real_escape_string(ctx, room, text.s, text.len));
}

static enum map_host_result outcome_of_error(MYSQL *db, const char *host, struct err *err)
{
    unsigned number = mysql_errno(db);
    err_set(err, ERR_TEMP, "mysql query failed on host %s: %s", host, mysql_error(db));
    /* the library's own errors: the connection is gone */
    bool is_lost = number >= CR_MIN_ERROR || number == ERROR_SHUTDOWN || number == ERROR_KILLED;
    return is_lost ? MAP_HOST_LOST : MAP_HOST_REFUSED;
}

static enum map_host_result take_rows(struct map_sql_lookup *lookup, MYSQL *db, MYSQL_RES *rows,
                                      const char *host, struct err *err)
{
    MYSQL_ROW row;
    while ((row = mysql_fetch_row(rows))) {
        const unsigned long *lengths = mysql_fetch_lengths(rows);
        for (unsigned i = 0; i < mysql_num_fields(rows); i++)
            if (!map_sql_server_add(lookup, row[i], lengths[i], err))
                return MAP_HOST_CUT;
    }
    return mysql_errno(db) ? outcome_of_error(db, host, err) : MAP_HOST_ANSWERED;
}

/* A procedure may give more than one result set; we take one. */
static enum map_host_result take_results(struct map_sql_lookup *lookup, MYSQL *db, const char *host,
                                         struct err *err)
{
    size_t sets = 0;
    for (int more = 0; more == 0; more = mysql_next_result(db)) {
        MYSQL_RES *rows = mysql_use_result(db);
        if (!rows && mysql_errno(db))
            return outcome_of_error(db, host, err);
        if (!rows)
            continue;
        enum map_host_result result = MAP_HOST_CUT;
        if (sets++ == 0)
            result = take_rows(lookup, db, rows, host, err);
        else
            err_set(err, ERR_TEMP, "the query gives more than one result set");
        if (result == MAP_HOST_CUT) /* else the rest would be read, however much it is */
            shutdown((int)mysql_get_socket(db), SHUT_RDWR);
        mysql_free_result(rows);
        if (result != MAP_HOST_ANSWERED)
            return result;
    }
    if (mysql_errno(db))
        return outcome_of_error(db, host, err);
    if (sets == 0 && mysql_of(lookup->table)->conf.require_result_set) {
        err_set(err, ERR_TEMP, "the query gives no result set (require_result_set = yes)");
        return MAP_HOST_REFUSED;
    }
    return MAP_HOST_ANSWERED;
}

static enum map_host_result mysql_table_query(void *ctx, struct map_host *host,
                                              struct deadline deadline, struct err *err)
{
    (void)deadline; /* the connection has its time limits */
    MYSQL *db = host->handle;
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_INIT(INT32_MAX / 4);
    enum map_status status = map_sql_server_query(ctx, mysql_quote, db, &text, err);
    if (status != MAP_FOUND)
        return status == MAP_FAILED ? MAP_HOST_REFUSED : MAP_HOST_ANSWERED;
    if (mysql_real_query(db, text.s, text.len) != 0)
        return outcome_of_error(db, host->name, err);
    return take_results(ctx, db, host->name, err);
}

/* --- the table ------------------------------------------------------------------------------ */

static void mysql_table_close(struct map *map)
{
    struct map_mysql *t = CONTAINER_OF(map, struct map_mysql, server.map);
    map_sql_server_done(&t->server);
    params_done(map_mysql_param_rows, &t->conf);
}

static struct map *mysql_table_open(const char *name, enum map_flags flags, struct err *err)
{
    static const struct map_hosts_ops ops = {mysql_table_connect, mysql_table_query,
                                             mysql_table_disconnect};
    (void)flags;
    if (mysql_library_init(0, NULL, NULL) != 0) {
        err_set(err, ERR_TEMP, "the MariaDB client library does not start");
        return NULL;
    }
    struct map_mysql *t = map_alloc(sizeof *t);
    t->server.map.close = mysql_table_close;
    if (map_conf_load(name, map_mysql_param_rows, &t->conf, err) &&
        map_sql_server_init(&t->server, "mysql", name, NULL, &ops, err))
        return &t->server.map;
    map_close(&t->server.map);
    return NULL;
}

static const struct map_driver map_mysql = {
    .type = "mysql", .is_remote = true, .open = mysql_table_open};
MAP_PLUGIN(&map_mysql)
