/* map_mongodb: what the files of the mongodb table type share (mongodb_table(5)). */
#ifndef MAP_MONGODB_MAP_MONGODB_H
#define MAP_MONGODB_MAP_MONGODB_H

/* first: it has names in it that base/banned.h takes away */
#include <mongoc/mongoc.h>

#include "base/argv.h"
#include "map/map_conf.h"
#include "map/map_outage.h"
#include "map/map_query.h"

#define PARAM_OWNER map_mongodb
#define PARAM_FILE  "map/mongodb/map_mongodb_rows.def"
#define PARAM_PER_TABLE
#include "config/param_struct.h"

struct map_mongodb {
    struct map map;
    char *where; /* the settings: a file, or the prefix of names in main.cf */
    struct map_mongodb_params conf;
    struct map_query *query;
    struct argv fields; /* of result_attribute */
    bson_t *options;    /* of a find: the projection */
    mongoc_uri_t *uri;
    mongoc_client_t *client; /* or NULL */
    mongoc_collection_t *collection;
    int64_t used_ms;
    struct map_outage outage;
};

/* Results of one key so far. */
struct map_mongodb_results {
    const struct map_mongodb *table;
    const char *key;
    struct strbuf *value;
    size_t count;
};

/* map_mongodb_filter.c: the filter for KEY; *RET is the caller's. MAP_NOT_FOUND: no document can
 * match. */
enum map_status map_mongodb_filter(const struct map_mongodb *table, const char *key, bson_t **ret,
                                   struct err *err);

/* map_mongodb_result.c: add what the settings want of DOCUMENT. False: it cannot be had. */
bool map_mongodb_add(struct map_mongodb_results *results, const bson_t *document, struct err *err);

#endif
