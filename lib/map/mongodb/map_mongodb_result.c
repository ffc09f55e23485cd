/*
 * map_mongodb_result: the results in a document: the fields of result_attribute, or, with a
 * projection, all it left (but no _id that MongoDB added itself).
 */
#include "map/mongodb/map_mongodb.h"

enum { DEPTH_MAX = 16 }; /* of lists in lists */

static bool add_text(struct map_mongodb_results *results, const char *text, size_t len,
                     struct err *err)
{
    if (slice_has_nul((struct slice){text, len}))
        return err_set(err, ERR_TEMP, "result with a null byte");
    return map_query_add_result(results->table->query, results->key, text, &results->count,
                                results->value, err) != MAP_FAILED;
}

static bool add_number(struct map_mongodb_results *results, int64_t number, struct err *err)
{
    char text[24];
    int len = snprintf(text, sizeof text, "%lld", (long long)number);
    return add_text(results, text, (size_t)len, err);
}

/* A value that is no list. NAME is for the error. */
static bool add_value(struct map_mongodb_results *results, const bson_iter_t *at, const char *name,
                      struct err *err)
{
    uint32_t len;
    const char *text;
    switch (bson_iter_type(at)) {
    case BSON_TYPE_UTF8:
        text = bson_iter_utf8(at, &len);
        return add_text(results, text, len, err);
    case BSON_TYPE_INT32:
    case BSON_TYPE_INT64:
        return add_number(results, bson_iter_as_int64(at), err);
    case BSON_TYPE_NULL:
        return true;
    default:
        return err_set(err, ERR_TEMP, "field '%s' is neither text nor a whole number", name);
    }
}

/* The library's iterator is aligned to more than its size, so it makes no array by itself. */
struct level {
    bson_iter_t at;
};

/* The field AT is at, and all that is in it when it is a list. */
static bool add_field(struct map_mongodb_results *results, const bson_iter_t *at, struct err *err)
{
    const char *name = bson_iter_key(at);
    struct level lists[DEPTH_MAX];
    size_t depth = 1;
    if (!BSON_ITER_HOLDS_ARRAY(at))
        return add_value(results, at, name, err);
    if (!bson_iter_recurse(at, &lists[0].at))
        return err_set(err, ERR_TEMP, "malformed document");
    while (depth > 0) {
        bson_iter_t *item = &lists[depth - 1].at;
        if (!bson_iter_next(item)) {
            depth--;
        } else if (!BSON_ITER_HOLDS_ARRAY(item)) {
            if (!add_value(results, item, name, err))
                return false;
        } else if (depth == DEPTH_MAX || !bson_iter_recurse(item, &lists[depth].at)) {
            return err_set(err, ERR_TEMP, "field '%s' has too many lists in lists", name);
        } else {
            depth++;
        }
    }
    return true;
}

bool map_mongodb_add(struct map_mongodb_results *results, const bson_t *document, struct err *err)
{
    const struct argv *fields = &results->table->fields;
    bson_iter_t at;
    if (!bson_validate(document, BSON_VALIDATE_NONE, NULL) || !bson_iter_init(&at, document))
        return err_set(err, ERR_TEMP, "malformed document");
    if (results->table->options) {
        while (bson_iter_next(&at))
            if (!(BSON_ITER_IS_KEY(&at, "_id") && BSON_ITER_HOLDS_OID(&at)) &&
                !add_field(results, &at, err))
                return false;
        return true;
    }
    for (size_t i = 0; i < fields->count; i++) {
        bson_iter_t top, field; /* "a.b" is b in a */
        if (bson_iter_init(&top, document) &&
            bson_iter_find_descendant(&top, fields->at[i], &field) &&
            !add_field(results, &field, err))
            return false;
    }
    return true;
}
