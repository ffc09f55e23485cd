/*
 * map_pgsql: PostgreSQL (pgsql_table(5)), through libpq's interface that does not block, so that
 * every step keeps the deadline. Rows are taken one by one: a huge result is given up at its limit.
 */
#include "map/map_conf.h"
#include "map/map_hosts.h"
#include "map/map_plugin.h"
#include "map/map_query.h"
#include "map/map_sql.h"

#include "base/xmem.h"

#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>

#define PARAM_OWNER map_pgsql
#define PARAM_FILE  "map/pgsql/map_pgsql_rows.def"
#define PARAM_PER_TABLE
#include "config/param_struct.h"

#define PARAM_OWNER map_pgsql
#define PARAM_FILE  "map/pgsql/map_pgsql_rows.def"
#define PARAM_PER_TABLE
#include "config/param_rows.h"

struct map_pgsql {
    struct map map;
    char *where; /* the settings: a file, or the prefix of names in main.cf */
    struct map_pgsql_params conf;
    char *template;
    struct map_query *query;
    struct map_hosts hosts;
};

struct lookup {
    struct map_pgsql *table;
    const char *key;
    struct strbuf *value;
    size_t count;
    PGconn *connection; /* for quoting */
    bool is_unquotable;
};

/* libpq's texts end in line feeds and have them inside. */
static bool say(struct err *err, const char *what, const char *text)
{
    CLEANUP(strbuf_done) struct strbuf line = STRBUF_INIT(400);
    for (; *text; text++)
        strbuf_add_char(&line, *text == '\n' || *text == '\t' ? ' ' : *text);
    return err_set(err, ERR_TEMP, "%s%.*s", what, SLICE_ARG(slice_trim(strbuf_slice(&line))));
}

static bool wait_for(PGconn *connection, short events, struct deadline deadline, struct err *err)
{
    struct pollfd pfd = {.fd = PQsocket(connection), .events = events};
    int n;
    do {
        n = poll(&pfd, 1, (int)MIN(deadline_left_ms(deadline), (int64_t)INT32_MAX));
    } while (n < 0 && errno == EINTR);
    return n > 0 || err_set(err, ERR_TEMP, "%s", n == 0 ? "Connection timed out" : strerror(errno));
}

/* --- connecting ----------------------------------------------------------------------------- */

/* A name with "://" is a connection URI, which may say everything itself: what comes later wins. */
static PGconn *start_connecting(const struct map_pgsql *t, const char *name)
{
    const char *keywords[10], *values[10];
    char port_text[8];
    uint16_t port;
    size_t n = 0;
    CLEANUP(xfree_ptr) char *host = NULL;
    bool is_uri = strstr(name, "://") != NULL;
    const char *given[][2] = {{"dbname", is_uri ? "" : t->conf.dbname},
                              {"user", t->conf.user},
                              {"password", t->conf.password},
                              {"client_encoding", t->conf.encoding}};
    for (size_t i = 0; i < COUNT_OF(given); i++) {
        if (!*given[i][1])
            continue;
        keywords[n] = given[i][0];
        values[n++] = given[i][1];
    }
    if (is_uri) {
        keywords[n] = "dbname";
        values[n++] = name;
    } else {
        map_hosts_split(name, &host, &port);
        keywords[n] = "host";
        values[n++] = host;
        snprintf(port_text, sizeof port_text, "%u", port);
        if (port) {
            keywords[n] = "port";
            values[n++] = port_text;
        }
    }
    keywords[n] = values[n] = NULL;
    return PQconnectStartParams(keywords, values, 1);
}

static bool finish_connecting(PGconn *c, struct deadline deadline, struct err *err)
{
    PostgresPollingStatusType status = PGRES_POLLING_WRITING;
    while (PQstatus(c) != CONNECTION_BAD && status != PGRES_POLLING_FAILED) {
        if (status == PGRES_POLLING_OK)
            return true;
        if (!wait_for(c, status == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline, err))
            return false;
        status = PQconnectPoll(c);
    }
    return say(err, "", PQerrorMessage(c));
}

static void stay_quiet(void *ctx, const char *text)
{
    (void)ctx; /* notices of the server: libraries do not write to stderr */
    (void)text;
}

static bool pgsql_connect(void *ctx, struct map_host *host, struct deadline deadline,
                          struct err *err)
{
    PGconn *c = start_connecting(((struct lookup *)ctx)->table, host->name);
    if (!c)
        return err_set(err, ERR_TEMP, "out of memory");
    if (!finish_connecting(c, deadline, err)) {
        PQfinish(c);
        return false;
    }
    PQsetNoticeProcessor(c, stay_quiet, NULL);
    PQsetnonblocking(c, 1);
    host->handle = c;
    return true;
}

static void pgsql_disconnect(void *handle)
{
    PQfinish(handle);
}

/* --- asking --------------------------------------------------------------------------------- */

static void pgsql_quote(void *ctx, struct slice text, struct strbuf *out)
{
    struct lookup *lookup = ctx;
    int error = 0;
    char *room = strbuf_room(out, 2 * text.len + 1);
    size_t len = room ? PQescapeStringConn(lookup->connection, room, text.s, text.len, &error) : 0;
    lookup->is_unquotable |= error != 0;
    if (room)
        strbuf_grew(out, len);
}

static bool send_query(PGconn *c, const char *text, struct deadline deadline, struct err *err)
{
    if (!PQsendQuery(c, text) || !PQsetSingleRowMode(c))
        return say(err, "", PQerrorMessage(c));
    int left;
    while ((left = PQflush(c)) > 0) {
        if (!wait_for(c, POLLIN | POLLOUT, deadline, err))
            return false;
        if (!PQconsumeInput(c))
            return say(err, "", PQerrorMessage(c));
    }
    return left == 0 || say(err, "", PQerrorMessage(c));
}

/* The next piece of the answer; *ret NULL: that was all. */
static bool next_result(PGconn *c, PGresult **ret, struct deadline deadline, struct err *err)
{
    while (PQisBusy(c)) {
        if (!wait_for(c, POLLIN, deadline, err))
            return false;
        if (!PQconsumeInput(c))
            return say(err, "", PQerrorMessage(c));
    }
    *ret = PQgetResult(c);
    return true;
}

static enum map_host_result take_row(struct lookup *lookup, const PGresult *row, struct err *err)
{
    for (int i = 0; i < PQntuples(row); i++) {
        for (int j = 0; j < PQnfields(row); j++) {
            const char *text = PQgetisnull(row, i, j) ? NULL : PQgetvalue(row, i, j);
            if (map_query_add_result(lookup->table->query, lookup->key, text, &lookup->count,
                                     lookup->value, err) == MAP_FAILED)
                return MAP_HOST_CUT;
        }
    }
    return MAP_HOST_ANSWERED;
}

static enum map_host_result take_result(struct lookup *lookup, const PGresult *result,
                                        const char *host, struct err *err)
{
    switch (PQresultStatus(result)) {
    case PGRES_SINGLE_TUPLE:
    case PGRES_TUPLES_OK:
        return take_row(lookup, result, err);
    case PGRES_COMMAND_OK:
    case PGRES_EMPTY_QUERY:
        return MAP_HOST_ANSWERED;
    default:
        break;
    }
    CLEANUP(strbuf_done) struct strbuf what = STRBUF_INIT(300);
    strbuf_addf(&what, "pgsql query failed: fatal error from host %s: ", host);
    say(err, what.s, PQresultErrorMessage(result));
    /* class 57 and 08: the server is going down or the connection is broken */
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    bool is_lost =
        !state || slice_starts(slice_of(state), "57P") || slice_starts(slice_of(state), "08");
    return is_lost ? MAP_HOST_LOST : MAP_HOST_REFUSED;
}

static enum map_host_result take_answer(struct lookup *lookup, const char *host,
                                        struct deadline deadline, struct err *err)
{
    enum map_host_result outcome = MAP_HOST_ANSWERED;
    PGresult *result = NULL;
    for (;;) {
        if (!next_result(lookup->connection, &result, deadline, err))
            return MAP_HOST_LOST;
        if (!result)
            return outcome;
        if (outcome == MAP_HOST_ANSWERED)
            outcome = take_result(lookup, result, host, err);
        PQclear(result);
        if (outcome == MAP_HOST_CUT)
            return outcome;
        if (deadline_left_ms(deadline) == 0) {
            err_set(err, ERR_TEMP, "Connection timed out");
            return MAP_HOST_LOST;
        }
    }
}

static enum map_host_result pgsql_query(void *ctx, struct map_host *host, struct deadline deadline,
                                        struct err *err)
{
    struct lookup *lookup = ctx;
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_INIT(INT32_MAX / 4);
    lookup->connection = host->handle;
    lookup->is_unquotable = false;
    lookup->count = 0;
    strbuf_reset(lookup->value);
    enum map_status status =
        map_query_make(lookup->table->query, lookup->key, pgsql_quote, lookup, &text, err);
    if (status == MAP_FAILED)
        return MAP_HOST_REFUSED;
    /* what the encoding does not allow is in no table */
    if (status == MAP_NOT_FOUND || lookup->is_unquotable)
        return MAP_HOST_ANSWERED;
    if (!send_query(lookup->connection, text.s, deadline, err))
        return MAP_HOST_LOST;
    return take_answer(lookup, host->name, deadline, err);
}

/* --- the table ------------------------------------------------------------------------------ */

static enum map_status pgsql_find(struct map *map, const char *key, struct strbuf *value,
                                  struct err *err)
{
    struct map_pgsql *t = CONTAINER_OF(map, struct map_pgsql, map);
    struct lookup lookup = {.table = t, .key = key, .value = value};
    CLEANUP(strbuf_done) struct strbuf trial = STRBUF_INIT(INT32_MAX / 4);
    enum map_status status = map_query_make(t->query, key, NULL, NULL, &trial, err);
    if (status != MAP_FOUND)
        return status; /* no server is needed to say so */
    if (!map_hosts_ask(&t->hosts, &lookup, err))
        return MAP_FAILED;
    return lookup.count > 0 ? MAP_FOUND : MAP_NOT_FOUND;
}

static bool pgsql_tidy(struct map *map)
{
    return map_hosts_tidy(&CONTAINER_OF(map, struct map_pgsql, map)->hosts);
}

static void pgsql_close(struct map *map)
{
    struct map_pgsql *t = CONTAINER_OF(map, struct map_pgsql, map);
    map_hosts_done(&t->hosts);
    map_query_free(t->query);
    params_done(map_pgsql_param_rows, &t->conf);
    free(t->template);
    free(t->where);
}

static bool pgsql_configure(struct map_pgsql *t, struct err *err)
{
    static const struct map_hosts_ops ops = {pgsql_connect, pgsql_query, pgsql_disconnect};
    const struct map_pgsql_params *c = &t->conf;
    if (!map_conf_load(t->where, map_pgsql_param_rows, &t->conf, err))
        return false;
    const struct map_sql_select select = {
        .query = c->query,
        .select_function = c->select_function,
        .select_field = c->select_field,
        .table = c->table,
        .where_field = c->where_field,
        .additional_conditions = c->additional_conditions,
    };
    t->template = map_sql_query(&select, t->where, err);
    const struct map_query_options options = {.where = t->where,
                                              .query = t->template,
                                              .result_format = c->result_format,
                                              .domain = c->domain,
                                              .expansion_limit = c->expansion_limit};
    t->query = t->template ? map_query_new(&options, err) : NULL;
    if (!t->query)
        return false;
    map_hosts_init(&t->hosts, &t->map, "pgsql", &ops, c->hosts);
    t->hosts.idle_ms = c->idle_interval * 1000;
    t->hosts.retry_ms = c->retry_interval * 1000;
    return true;
}

static struct map *pgsql_open(const char *name, enum map_flags flags, struct err *err)
{
    (void)flags;
    struct map_pgsql *t = map_alloc(sizeof *t);
    t->where = xstrdup(name);
    t->map.find = pgsql_find;
    t->map.tidy = pgsql_tidy;
    t->map.close = pgsql_close;
    if (pgsql_configure(t, err)) {
        strbuf_add_str(&t->map.warnings, map_query_warnings(t->query));
        return &t->map;
    }
    map_close(&t->map);
    return NULL;
}

static const struct map_driver map_pgsql = {.type = "pgsql", .is_remote = true, .open = pgsql_open};
MAP_PLUGIN(&map_pgsql)
