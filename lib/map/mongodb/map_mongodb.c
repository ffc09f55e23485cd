/*
 * map_mongodb: MongoDB (mongodb_table(5)), through its C driver. The driver blocks; its time limits
 * are those of a look-up, and map_guard bounds the whole. It finds the servers of the URI, one that
 * can answer, and a new one when that fails, itself.
 */
#include "map/mongodb/map_mongodb.h"

#include "map/map_plugin.h"

#include "base/xmem.h"
#include "io/deadline.h"

#include <pthread.h>
#include <unistd.h>

#define PARAM_OWNER map_mongodb
#define PARAM_FILE  "map/mongodb/map_mongodb_rows.def"
#define PARAM_PER_TABLE
#include "config/param_rows.h"

enum { IDLE_MS = 60 * 1000, ERROR_API = 2 };

static struct map_mongodb *mongodb_of(struct map *map)
{
    return CONTAINER_OF(map, struct map_mongodb, map);
}

/* --- the connection ------------------------------------------------------------------------- */

static void mongodb_disconnect(struct map_mongodb *t)
{
    if (t->collection)
        mongoc_collection_destroy(t->collection);
    if (t->client)
        mongoc_client_destroy(t->client);
    t->collection = NULL;
    t->client = NULL;
}

/* Whatever the URI says: no step of the driver takes longer than a look-up may. */
static void limit_time(mongoc_uri_t *uri)
{
    static const char *const options[] = {MONGOC_URI_SERVERSELECTIONTIMEOUTMS,
                                          MONGOC_URI_CONNECTTIMEOUTMS, MONGOC_URI_SOCKETTIMEOUTMS};
    int32_t limit = (int32_t)MIN(map_get_options()->remote_timeout_ms, (int64_t)INT32_MAX);
    for (size_t i = 0; i < COUNT_OF(options); i++) {
        int32_t wanted = mongoc_uri_get_option_as_int32(uri, options[i], limit);
        mongoc_uri_set_option_as_int32(uri, options[i], wanted > 0 ? MIN(wanted, limit) : limit);
    }
}

/* The servers are spoken to by the first question. */
static bool mongodb_connect(struct map_mongodb *t, struct err *err)
{
    bson_error_t error;
    if (t->client)
        return true;
    t->client = mongoc_client_new_from_uri_with_error(t->uri, &error);
    if (!t->client)
        return err_set(err, ERR_TEMP, "%s", error.message);
    mongoc_client_set_error_api(t->client, ERROR_API);
    t->collection = mongoc_client_get_collection(t->client, t->conf.dbname, t->conf.collection);
    return true;
}

static bool mongodb_tidy(struct map *map)
{
    struct map_mongodb *t = mongodb_of(map);
    if (t->client && clock_now_ms() - t->used_ms >= IDLE_MS)
        mongodb_disconnect(t);
    return t->client != NULL;
}

/* --- look-up -------------------------------------------------------------------------------- */

static bool find_documents(struct map_mongodb *t, const bson_t *filter,
                           struct map_mongodb_results *results, struct err *err)
{
    const bson_t *document;
    bson_error_t error;
    struct deadline deadline = deadline_in_ms(map_get_options()->remote_timeout_ms);
    bool ok = true;
    mongoc_cursor_t *cursor =
        mongoc_collection_find_with_opts(t->collection, filter, t->options, NULL);
    while (ok && mongoc_cursor_next(cursor, &document))
        ok = deadline_left_ms(deadline) > 0 ? map_mongodb_add(results, document, err)
                                            : err_set(err, ERR_TEMP, "Connection timed out");
    if (ok && mongoc_cursor_error(cursor, &error)) {
        ok = err_set(err, ERR_TEMP, "%s", error.message);
        if (error.domain != MONGOC_ERROR_SERVER)
            map_outage_begin(&t->outage, 0, err);
        else
            map_outage_end(&t->outage); /* it answers; it does not like the question */
    } else {
        map_outage_end(&t->outage);
    }
    mongoc_cursor_destroy(cursor);
    return ok;
}

static enum map_status mongodb_find(struct map *map, const char *key, struct strbuf *value,
                                    struct err *err)
{
    struct map_mongodb *t = mongodb_of(map);
    struct map_mongodb_results results = {.table = t, .key = key, .value = value};
    struct err why = ERR_INIT;
    bson_t *filter = NULL;
    enum map_status status = map_mongodb_filter(t, key, &filter, err);
    if (status != MAP_FOUND)
        return status;
    t->used_ms = clock_now_ms();
    bool ok = !map_outage_holds(&t->outage, &why) && mongodb_connect(t, &why) &&
              find_documents(t, filter, &results, &why);
    bson_destroy(filter);
    if (ok)
        return results.count > 0 ? MAP_FOUND : MAP_NOT_FOUND;
    mongodb_disconnect(t); /* the rest of an answer, or a server that is no good */
    if (err)
        *err = why;
    return MAP_FAILED;
}

static void mongodb_close(struct map *map)
{
    struct map_mongodb *t = mongodb_of(map);
    mongodb_disconnect(t);
    if (t->uri)
        mongoc_uri_destroy(t->uri);
    if (t->options)
        bson_destroy(t->options);
    map_query_free(t->query);
    argv_done(&t->fields);
    params_done(map_mongodb_param_rows, &t->conf);
    free(t->where);
}

/* --- settings ------------------------------------------------------------------------------- */

static bool make_projection(struct map_mongodb *t, struct err *err)
{
    bson_error_t error;
    const char *text = t->conf.projection;
    bson_t *projection = bson_new_from_json((const uint8_t *)text, (ssize_t)strlen(text), &error);
    if (!projection)
        return err_set(err, ERR_CONFIG, "%s: projection is no JSON: %s", t->where, error.message);
    t->options = bson_new();
    bool ok = bson_append_document(t->options, "projection", -1, projection);
    bson_destroy(projection);
    return ok || err_set(err, ERR_CONFIG, "%s: too long a projection", t->where);
}

static bool mongodb_configure(struct map_mongodb *t, struct err *err)
{
    const struct map_mongodb_params *c = &t->conf;
    bson_error_t error;
    struct slice rest, name;
    if (!map_conf_load(t->where, map_mongodb_param_rows, &t->conf, err))
        return false;
    const struct map_query_options options = {.where = t->where,
                                              .query = c->query_filter,
                                              .result_format = c->result_format,
                                              .domain = c->domain,
                                              .expansion_limit = c->expansion_limit};
    t->query = map_query_new(&options, err);
    if (!t->query)
        return false;
    strbuf_add_str(&t->map.warnings, map_query_warnings(t->query));
    t->uri = mongoc_uri_new_with_error(c->uri, &error);
    if (!t->uri) /* without the text itself: there may be a password in it */
        return err_set(err, ERR_CONFIG, "%s: uri: %s", t->where, error.message);
    limit_time(t->uri);
    t->map.server = c->uri;
    for (rest = slice_of(c->result_attribute); slice_next_item(&rest, &name);)
        argv_add_slice(&t->fields, name);
    if (!*c->projection && t->fields.count == 0)
        return err_set(err, ERR_CONFIG, "%s: projection or result_attribute must be given",
                       t->where);
    return !*c->projection || make_projection(t, err);
}

static void start_driver(void)
{
    mongoc_log_set_handler(NULL, NULL); /* libraries do not write to stderr */
    mongoc_init();
    /* its statistics, made when the library is loaded, would stay when the process is killed */
    char counters[32];
    snprintf(counters, sizeof counters, "/dev/shm/mongoc-%d", (int)getpid());
    unlink(counters);
}

static struct map *mongodb_open(const char *name, enum map_flags flags, struct err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)flags;
    pthread_once(&once, start_driver);
    struct map_mongodb *t = map_alloc(sizeof *t);
    t->where = xstrdup(name);
    t->map.find = mongodb_find;
    t->map.tidy = mongodb_tidy;
    t->map.close = mongodb_close;
    if (mongodb_configure(t, err))
        return &t->map;
    map_close(&t->map);
    return NULL;
}

static const struct map_driver map_mongodb = {
    .type = "mongodb", .is_remote = true, .open = mongodb_open};
MAP_PLUGIN(&map_mongodb)
