/* map_query: see the header. */
#include "map/map_query.h"

#include "base/xmem.h"
#include "map/match_list.h"

struct map_query {
    struct map_query_options options;
    struct match_list *domains; /* NULL: all */
};

/* --- templates ------------------------------------------------------------------------------- */

bool map_query_template_is_valid(const char *template)
{
    for (const char *at = template; (at = strchr(at, '%')); at += 2)
        if (!at[1] || !strchr("%sudSUD123456789", at[1]))
            return false;
    return true;
}

/* An address, cut at its last "@"; a text without one is all local part. */
struct parts {
    struct slice whole, local, domain;
    bool has_domain;
};

static struct parts parts_of(const char *text)
{
    struct parts parts = {.whole = slice_of(text)};
    parts.has_domain = slice_rsplit(parts.whole, '@', &parts.local, &parts.domain);
    if (!parts.has_domain)
        parts.local = parts.whole;
    return parts;
}

/* Label NUMBER of DOMAIN, counted from its end, beginning with 1. */
static bool find_label(struct slice domain, int number, struct slice *ret)
{
    struct slice rest = domain, label;
    for (int i = 1;; i++) {
        bool is_first = !slice_rsplit(rest, '.', &rest, &label);
        *ret = is_first ? rest : label;
        if (i == number)
            return true;
        if (is_first)
            return false;
    }
}

/* What LETTER stands for; false: there is no such part. */
static bool find_part(char letter, const struct parts *value, const struct parts *key,
                      struct slice *ret)
{
    const struct parts *of = letter >= 'a' ? value : key;
    switch (letter) {
    case 's':
    case 'S':
        *ret = of->whole;
        return true;
    case 'u':
    case 'U':
        *ret = of->local;
        return of->local.len > 0;
    case 'd':
    case 'D':
        *ret = of->domain;
        return of->has_domain;
    default:
        return key->has_domain && find_label(key->domain, letter - '0', ret);
    }
}

bool map_query_expand(const char *template, const char *value, const char *key,
                      map_query_quote quote, void *ctx, struct strbuf *out)
{
    struct parts of_value = parts_of(value), of_key = parts_of(key);
    size_t before = out->len;
    const char *at = template;
    for (const char *percent; (percent = strchr(at, '%')) && percent[1]; at = percent + 2) {
        struct slice part;
        strbuf_add(out, at, (size_t)(percent - at));
        if (percent[1] == '%') {
            strbuf_add_char(out, '%');
        } else if (!find_part(percent[1], &of_value, &of_key, &part)) {
            strbuf_truncate(out, before);
            return false;
        } else if (quote) {
            quote(ctx, part, out);
        } else {
            strbuf_add_slice(out, part);
        }
    }
    strbuf_add_str(out, at);
    return true;
}

/* --- a table's use of them ------------------------------------------------------------------- */

struct map_query *map_query_new(const struct map_query_options *options, struct err *err)
{
    const char *bad = NULL, *what = NULL;
    if (options->query && !map_query_template_is_valid(options->query))
        bad = options->query, what = "query";
    else if (!map_query_template_is_valid(options->result_format))
        bad = options->result_format, what = "result";
    if (bad) {
        err_set(err, ERR_CONFIG, "%s: Invalid %s template: %s", options->where, what, bad);
        return NULL;
    }
    struct map_query *query = xzalloc(sizeof *query);
    query->options = *options;
    if (*options->domain)
        query->domains = match_list_new(options->where, options->domain, MATCH_STRING, 0);
    return query;
}

void map_query_free(struct map_query *query)
{
    if (!query)
        return;
    match_list_free(query->domains);
    free(query);
}

const char *map_query_warnings(const struct map_query *query)
{
    return query->domains ? match_list_warnings(query->domains) : "";
}

enum map_status map_query_accepts(struct map_query *query, const char *key, struct err *err)
{
    if (!query->domains)
        return MAP_FOUND;
    struct parts parts = parts_of(key);
    if (!parts.has_domain || parts.local.len == 0)
        return MAP_NOT_FOUND;
    return match_list_find(query->domains, parts.domain.s, err);
}

enum map_status map_query_make(struct map_query *query, const char *key, map_query_quote quote,
                               void *ctx, struct strbuf *out, struct err *err)
{
    enum map_status status = map_query_accepts(query, key, err);
    if (status != MAP_FOUND)
        return status;
    if (!map_query_expand(query->options.query, key, key, quote, ctx, out))
        return MAP_NOT_FOUND;
    if (!out->overflow)
        return MAP_FOUND;
    err_set(err, ERR_TEMP, "%s: the query for key '%s' is too long", query->options.where, key);
    return MAP_FAILED;
}

enum map_status map_query_add_result(const struct map_query *query, const char *key,
                                     const char *value, size_t *count, struct strbuf *out,
                                     struct err *err)
{
    int64_t limit = query->options.expansion_limit;
    size_t before = out->len;
    if (!value || !*value)
        return MAP_FOUND;
    if (*count > 0)
        strbuf_add_char(out, ',');
    if (!map_query_expand(query->options.result_format, value, key, NULL, NULL, out)) {
        strbuf_truncate(out, before);
        return MAP_FOUND;
    }
    if (limit > 0 && *count >= (size_t)limit) {
        err_set(err, ERR_TEMP, "%s: Expansion limit exceeded for key '%s'", query->options.where,
                key);
        return MAP_FAILED;
    }
    if (out->len > MAP_QUERY_RESULT_MAX) {
        err_set(err, ERR_TEMP, "%s: too long a result for key '%s'", query->options.where, key);
        return MAP_FAILED;
    }
    ++*count;
    return MAP_FOUND;
}
