/*
 * map_mongodb_filter: the query_filter with its % replaced, as BSON.
 *
 * Inside a text of the JSON a part of the key is escaped, so that it stays text. Outside of one
 * only a whole number may take the place of a %: anything else would be part of the query's
 * structure, and "null" or "{}" would match documents nobody asked for.
 */
#include "map/mongodb/map_mongodb.h"

#include "base/num.h"

struct quoting {
    size_t seen; /* bytes of the output that IN_TEXT counts */
    bool in_text, is_escape;
    bool is_unfit; /* the key cannot stand where the filter wants it */
};

/* Follow the output to its end: are we inside of a text? */
static bool is_in_text(struct quoting *quoting, const struct strbuf *out)
{
    for (; quoting->seen < out->len; quoting->seen++) {
        char c = out->s[quoting->seen];
        if (quoting->is_escape)
            quoting->is_escape = false;
        else if (c == '\\' && quoting->in_text)
            quoting->is_escape = true;
        else if (c == '"')
            quoting->in_text = !quoting->in_text;
    }
    return quoting->in_text;
}

static void mongodb_quote(void *ctx, struct slice text, struct strbuf *out)
{
    struct quoting *quoting = ctx;
    int64_t number;
    if (!is_in_text(quoting, out)) {
        if (num_parse_i64(text, &number))
            strbuf_addf(out, "%lld", (long long)number);
        else
            quoting->is_unfit = true;
        return;
    }
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.s[i];
        if (c < ' ')
            strbuf_addf(out, "\\u%04x", c);
        else if (c == '"' || c == '\\')
            strbuf_addf(out, "\\%c", c);
        else
            strbuf_add_char(out, (char)c);
    }
}

enum map_status map_mongodb_filter(const struct map_mongodb *table, const char *key, bson_t **ret,
                                   struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_INIT(INT32_MAX / 4);
    struct quoting quoting = {0};
    bson_error_t error;
    if (!bson_utf8_validate(key, strlen(key), false))
        return MAP_NOT_FOUND; /* no document has such a text */
    enum map_status status = map_query_make(table->query, key, mongodb_quote, &quoting, &text, err);
    if (status != MAP_FOUND)
        return status;
    if (quoting.is_unfit)
        return MAP_NOT_FOUND;
    *ret = bson_new_from_json((const uint8_t *)text.s, (ssize_t)text.len, &error);
    if (*ret)
        return MAP_FOUND;
    err_set(err, ERR_CONFIG, "%s: query_filter is no JSON: %s", table->where, error.message);
    return MAP_FAILED;
}
