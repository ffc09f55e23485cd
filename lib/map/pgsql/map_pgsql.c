/*
 * map_pgsql: PostgreSQL (pgsql_table(5)), through libpq's interface that does not block, so that
 * every step keeps the deadline. Rows are taken one by one: a huge result is given up at its limit.
 */
#include "map/map_plugin.h"
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
    struct map_sql_server server;
    struct map_pgsql_params conf;
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
    const struct map_sql_server_params *c = &t->server.conf;
    const char *keywords[10], *values[10];
    char port_text[8];
    uint16_t port;
    size_t n = 0;
    CLEANUP(xfree_ptr) char *host = NULL;
    bool is_uri = strstr(name, "://") != NULL;
    const char *given[][2] = {{"dbname", is_uri ? "" : c->dbname},
                              {"user", c->user},
                              {"password", c->password},
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
    struct map_sql_server *server = ((struct map_sql_lookup *)ctx)->table;
    PGconn *c = start_connecting(CONTAINER_OF(server, struct map_pgsql, server), host->name);
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

struct quoting {
    PGconn *connection;
    bool has_failed; /* the text is none in the connection's encoding */
};

static void pgsql_quote(void *ctx, struct slice text, struct strbuf *out)
{
    struct quoting *quoting = ctx;
    int error = 0;
    char *room = strbuf_room(out, 2 * text.len + 1);
    size_t len = room ? PQescapeStringConn(quoting->connection, room, text.s, text.len, &error) : 0;
    quoting->has_failed |= error != 0;
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

static enum map_host_result take_row(struct map_sql_lookup *lookup, const PGresult *row,
                                     struct err *err)
{
    for (int i = 0; i < PQntuples(row); i++) {
        for (int j = 0; j < PQnfields(row); j++) {
            const char *text = PQgetisnull(row, i, j) ? NULL : PQgetvalue(row, i, j);
            if (!map_sql_server_add(lookup, text, (size_t)PQgetlength(row, i, j), err))
                return MAP_HOST_CUT;
        }
    }
    return MAP_HOST_ANSWERED;
}

static enum map_host_result take_result(struct map_sql_lookup *lookup, const PGresult *result,
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

static enum map_host_result take_answer(struct map_sql_lookup *lookup, PGconn *c, const char *host,
                                        struct deadline deadline, struct err *err)
{
    enum map_host_result outcome = MAP_HOST_ANSWERED;
    PGresult *result = NULL;
    for (;;) {
        if (!next_result(c, &result, deadline, err))
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
    struct quoting quoting = {.connection = host->handle};
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_INIT(INT32_MAX / 4);
    enum map_status status = map_sql_server_query(ctx, pgsql_quote, &quoting, &text, err);
    if (status == MAP_FAILED)
        return MAP_HOST_REFUSED;
    /* what the encoding does not allow is in no table */
    if (status == MAP_NOT_FOUND || quoting.has_failed)
        return MAP_HOST_ANSWERED;
    if (!send_query(host->handle, text.s, deadline, err))
        return MAP_HOST_LOST;
    return take_answer(ctx, host->handle, host->name, deadline, err);
}

/* --- the table ------------------------------------------------------------------------------ */

static void pgsql_close(struct map *map)
{
    struct map_pgsql *t = CONTAINER_OF(map, struct map_pgsql, server.map);
    map_sql_server_done(&t->server);
    params_done(map_pgsql_param_rows, &t->conf);
}

static struct map *pgsql_open(const char *name, enum map_flags flags, struct err *err)
{
    static const struct map_hosts_ops ops = {pgsql_connect, pgsql_query, pgsql_disconnect};
    (void)flags;
    struct map_pgsql *t = map_alloc(sizeof *t);
    t->server.map.close = pgsql_close;
    if (map_conf_load(name, map_pgsql_param_rows, &t->conf, err) &&
        map_sql_server_init(&t->server, "pgsql", name, t->conf.select_function, &ops, err))
        return &t->server.map;
    map_close(&t->server.map);
    return NULL;
}

static const struct map_driver map_pgsql = {.type = "pgsql", .is_remote = true, .open = pgsql_open};
MAP_PLUGIN(&map_pgsql)
