/* map_ldap: directories (ldap_table(5)): the settings, and a look-up over a kept connection. */
#include "map/ldap/map_ldap.h"
#include "map/map_plugin.h"

#include "base/xmem.h"

#define PARAM_OWNER map_ldap
#define PARAM_FILE  "map/ldap/map_ldap_rows.def"
#define PARAM_PER_TABLE
#include "config/param_rows.h"

static struct map_ldap *ldap_of(struct map *map)
{
    return CONTAINER_OF(map, struct map_ldap, map);
}

/* --- look-up -------------------------------------------------------------------------------- */

/* Once over a kept connection, which the server may have closed meanwhile; else over a new one. */
static enum map_ldap_status ask(struct map_ldap *t, const char *key, struct strbuf *value,
                                size_t *ret_count, struct err *err)
{
    struct deadline deadline = deadline_in_ms(map_get_options()->remote_timeout_ms);
    for (bool was_kept = t->ld != NULL;; was_kept = false) {
        strbuf_reset(value);
        enum map_ldap_status status = MAP_LDAP_LOST;
        if (t->ld || map_ldap_connect(t, deadline, err))
            status = map_ldap_search(t, key, value, ret_count, deadline, err);
        if (status == MAP_LDAP_LOST)
            map_ldap_disconnect(t);
        if (status != MAP_LDAP_LOST || !was_kept || deadline_left_ms(deadline) == 0)
            return status;
    }
}

static enum map_status ldap_find(struct map *map, const char *key, struct strbuf *value,
                                 struct err *err)
{
    struct map_ldap *t = ldap_of(map);
    size_t count = 0;
    struct err why = ERR_INIT;
    enum map_status status = map_query_accepts(t->query, key, err);
    if (status != MAP_FOUND)
        return status;
    if (*key == 0)
        return MAP_NOT_FOUND; /* would match what has the attribute without a value */
    if (!t->ld && map_outage_holds(&t->outage, err))
        return MAP_FAILED;
    switch (ask(t, key, value, &count, &why)) {
    case MAP_LDAP_OK:
        map_outage_end(&t->outage);
        return count > 0 ? MAP_FOUND : MAP_NOT_FOUND;
    case MAP_LDAP_FAILED:
        map_outage_end(&t->outage);
        break;
    case MAP_LDAP_LOST:
        map_outage_begin(&t->outage, 0, &why);
        break;
    }
    if (err)
        *err = why;
    return MAP_FAILED;
}

static void ldap_close_table(struct map *map)
{
    struct map_ldap *t = ldap_of(map);
    map_ldap_disconnect(t);
    map_query_free(t->query);
    argv_done(&t->attributes);
    free(t->roles);
    free(t->uris);
    params_done(map_ldap_param_rows, &t->conf);
    free(t->where);
}

/* --- settings ------------------------------------------------------------------------------- */

/* Words that are no URLs are hosts, with or without a port. */
static char *make_uris(const struct map_ldap_params *c)
{
    struct strbuf uris = STRBUF_ANY;
    struct slice rest = slice_of(c->server_host), word, host, port;
    while (slice_next_item(&rest, &word)) {
        strbuf_add_str(&uris, uris.len > 0 ? " " : "");
        bool is_url = memmem(word.s, word.len, "://", 3) != NULL;
        bool has_port = slice_rsplit(word, ':', &host, &port) && slice_find(port, ']') == SIZE_MAX;
        strbuf_addf(&uris, "%s%.*s", is_url ? "" : "ldap://", SLICE_ARG(word));
        if (!is_url && !has_port)
            strbuf_addf(&uris, ":%lld", (long long)c->server_port);
    }
    return strbuf_take(&uris);
}

static void add_attributes(struct map_ldap *t, const char *list, enum map_ldap_role role)
{
    struct slice rest = slice_of(list), name;
    while (slice_next_item(&rest, &name)) {
        t->roles = xrealloc_array(t->roles, t->attributes.count + 1, sizeof t->roles[0]);
        t->roles[t->attributes.count] = role;
        argv_add_slice(&t->attributes, name);
    }
}

struct choice {
    const char *text;
    int value;
};

static bool choose(const char *text, const struct choice *choices, int *ret)
{
    for (; choices->text; choices++) {
        if (slice_eq_nocase(slice_of(text), choices->text)) {
            *ret = choices->value;
            return true;
        }
    }
    return false;
}

static bool ldap_choose(struct map_ldap *t, struct err *err)
{
    static const struct choice scopes[] = {
        {"sub", LDAP_SCOPE_SUBTREE}, {"one", LDAP_SCOPE_ONELEVEL}, {"base", LDAP_SCOPE_BASE}, {0}};
    static const struct choice binds[] = {
        {"no", MAP_LDAP_BIND_NONE},    {"none", MAP_LDAP_BIND_NONE},
        {"yes", MAP_LDAP_BIND_SIMPLE}, {"simple", MAP_LDAP_BIND_SIMPLE},
        {"sasl", MAP_LDAP_BIND_SASL},  {0}};
    const struct map_ldap_params *c = &t->conf;
    int bind = MAP_LDAP_BIND_NONE;
    t->scope = LDAP_SCOPE_SUBTREE;
    if (!choose(c->scope, scopes, &t->scope))
        map_warn(&t->map, "%s: Unrecognized value %s specified for scope; using sub", t->where,
                 c->scope);
    if (!choose(c->bind, binds, &bind))
        return err_set(err, ERR_CONFIG, "%s: unsupported parameter value: bind = %s", t->where,
                       c->bind);
    if (!strchr(c->query_filter, '%'))
        map_warn(&t->map, "%s: Fixed query_filter %s is probably useless", t->where,
                 c->query_filter);
    t->bind = (enum map_ldap_bind)bind;
    t->size_limit = c->expansion_limit;
    if (*c->size_limit &&
        !param_parse_int("size_limit", c->size_limit, 0, INT32_MAX, &t->size_limit, err))
        return err_prefix(err, t->where);
    if ((c->start_tls || t->bind == MAP_LDAP_BIND_SASL) && c->version < 3)
        return err_set(err, ERR_CONFIG, "%s: start_tls and SASL need version = 3", t->where);
    if (!map_query_template_is_valid(c->search_base))
        return err_set(err, ERR_CONFIG, "%s: Invalid query template: %s", t->where, c->search_base);
    return true;
}

static bool ldap_configure(struct map_ldap *t, struct err *err)
{
    const struct map_ldap_params *c = &t->conf;
    if (!map_conf_load(t->where, map_ldap_param_rows, &t->conf, err) || !ldap_choose(t, err))
        return false;
    const struct map_query_options options = {.where = t->where,
                                              .query = c->query_filter,
                                              .result_format = *c->result_format ? c->result_format
                                                                                 : c->result_filter,
                                              .domain = c->domain,
                                              .expansion_limit = c->expansion_limit};
    t->query = map_query_new(&options, err);
    if (!t->query)
        return false;
    if (*c->cache || *c->cache_expiry || *c->cache_size)
        map_warn(&t->map, "%s: cache, cache_expiry and cache_size are ignored", t->where);
    t->uris = make_uris(c);
    t->map.server = t->uris;
    add_attributes(t, c->result_attribute, MAP_LDAP_RESULT);
    add_attributes(t, c->special_result_attribute, MAP_LDAP_SPECIAL);
    add_attributes(t, c->terminal_result_attribute, MAP_LDAP_TERMINAL);
    add_attributes(t, c->leaf_result_attribute, MAP_LDAP_LEAF);
    return true;
}

static struct map *ldap_open_table(const char *name, enum map_flags flags, struct err *err)
{
    (void)flags;
    struct map_ldap *t = map_alloc(sizeof *t);
    t->where = xstrdup(name);
    t->map.find = ldap_find;
    t->map.close = ldap_close_table;
    if (ldap_configure(t, err)) {
        strbuf_add_str(&t->map.warnings, map_query_warnings(t->query));
        return &t->map;
    }
    map_close(&t->map);
    return NULL;
}

static const struct map_driver map_ldap = {
    .type = "ldap", .is_remote = true, .open = ldap_open_table};
MAP_PLUGIN(&map_ldap)
