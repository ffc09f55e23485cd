/* postconf_tables: parameters of lookup tables, in main.cf as NAME_suffix or in files of their own.
 */
#include "postconf.h"

#include "base/xmem.h"
#include "config/logical_line.h"

#define SQL_SUFFIXES                                                                               \
    "query", "result_format", "domain", "expansion_limit", "select_field", "table", "where_field", \
        "additional_conditions"

/* ldap_table(5), mysql_table(5), ... with the names of older releases */
static const char *const ldap[] = {"server_host",
                                   "server_port",
                                   "timeout",
                                   "search_base",
                                   "query_filter",
                                   "result_format",
                                   "domain",
                                   "result_attribute",
                                   "special_result_attribute",
                                   "terminal_result_attribute",
                                   "leaf_result_attribute",
                                   "scope",
                                   "bind",
                                   "bind_dn",
                                   "bind_pw",
                                   "recursion_limit",
                                   "expansion_limit",
                                   "size_limit",
                                   "dereference",
                                   "chase_referrals",
                                   "version",
                                   "debuglevel",
                                   "sasl_mechs",
                                   "sasl_realm",
                                   "sasl_authz_id",
                                   "sasl_minssf",
                                   "start_tls",
                                   "tls_ca_cert_dir",
                                   "tls_ca_cert_file",
                                   "tls_cert",
                                   "tls_key",
                                   "tls_require_cert",
                                   "tls_random_file",
                                   "tls_cipher_suite",
                                   "cache",
                                   "cache_expiry",
                                   "cache_size",
                                   "result_filter",
                                   NULL};
static const char *const mysql[] = {SQL_SUFFIXES,
                                    "hosts",
                                    "user",
                                    "password",
                                    "dbname",
                                    "charset",
                                    "idle_interval",
                                    "retry_interval",
                                    "option_file",
                                    "option_group",
                                    "require_result_set",
                                    "tls_cert_file",
                                    "tls_key_file",
                                    "tls_CAfile",
                                    "tls_CApath",
                                    "tls_ciphers",
                                    "tls_verify_cert",
                                    NULL};
static const char *const pgsql[] = {
    SQL_SUFFIXES, "hosts",         "user",           "password",        "dbname",
    "encoding",   "idle_interval", "retry_interval", "select_function", NULL};
static const char *const sqlite[] = {SQL_SUFFIXES, "dbpath", NULL};
static const char *const memcache[] = {
    "memcache", "backup",          "flags",           "ttl",     "key_format",  "key_digest",
    "domain",   "data_size_limit", "line_size_limit", "max_try", "retry_pause", "timeout",
    NULL};
static const char *const mongodb[] = {"uri",
                                      "dbname",
                                      "collection",
                                      "query_filter",
                                      "projection",
                                      "result_attribute",
                                      "result_format",
                                      "domain",
                                      "expansion_limit",
                                      NULL};

static const struct table_type {
    const char *name;
    const char *const *suffixes;
} types[] = {{"ldap", ldap},   {"mongodb", mongodb}, {"mysql", mysql},
             {"pgsql", pgsql}, {"sqlite", sqlite},   {"memcache", memcache}};

enum { NESTING_MAX = 100 };

struct search {
    struct postconf *pc;
    const char *file; /* for messages */
    postconf_refer refer;
    void *ctx;
};

static bool has_suffix(const struct table_type *type, struct slice name)
{
    for (const char *const *suffix = type->suffixes; *suffix; suffix++)
        if (slice_eq(name, *suffix))
            return true;
    return false;
}

/* A file of "name = value" lines like main.cf. */
static void check_file(struct postconf *pc, const struct table_type *type, const char *path)
{
    CLEANUP(strbuf_done) struct strbuf content = STRBUF_ANY;
    CLEANUP(logical_line_done) struct logical_line line;
    struct err err = ERR_INIT;
    logical_line_init(&line, SLICE_EMPTY);
    if (!logical_line_read_file(path, &content, &err)) {
        const char *why = strrchr(err.reason, ':');
        postconf_warn(pc, "open \"%s\" configuration \"%s\"%s", type->name, path, why ? why : "");
        return;
    }
    logical_line_init(&line, strbuf_slice(&content));
    while (logical_line_next(&line)) {
        struct slice name, value;
        const char *mistake;
        if (!config_split(strbuf_slice(&line.text), &name, &value, &mistake))
            postconf_fatal(pc, "%s, line %d: %s: \"%.*s\"", path, line.last, mistake,
                           SLICE_ARG(slice_trim(strbuf_slice(&line.text))));
        if (!has_suffix(type, name))
            postconf_warn(pc, "%s:%s: unused parameter: %.*s=%.*s", type->name, path,
                          SLICE_ARG(name), SLICE_ARG(value));
    }
}

static void check_file_once(struct postconf *pc, const struct table_type *type, struct slice name)
{
    CLEANUP(xfree_ptr) char *path = slice_dup(name);
    CLEANUP(xfree_ptr) char *table = xasprintf("%s:%s", type->name, path);
    if (argv_has(&pc->checked, table))
        return;
    argv_add(&pc->checked, table);
    check_file(pc, type, path);
}

static void refer_to_parameters(struct search *search, const struct table_type *type,
                                struct slice name)
{
    for (const char *const *suffix = type->suffixes; *suffix; suffix++) {
        CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
        strbuf_addf(&text, "%.*s_%s", SLICE_ARG(name), *suffix);
        search->refer(search->ctx, strbuf_slice(&text));
    }
}

static bool drop_prefix(struct slice *text, const char *prefix)
{
    if (!slice_starts(*text, prefix))
        return false;
    *text = slice_from(*text, strlen(prefix));
    return true;
}

/* ITEM is "type:name". */
static void check_table(struct search *search, struct slice item)
{
    struct slice type, name;
    if (!slice_split(item, ':', &type, &name) || name.len == 0)
        return;
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        if (!slice_eq(type, types[i].name))
            continue;
        if (name.s[0] == '/' || name.s[0] == '.')
            check_file_once(search->pc, &types[i], name);
        else
            refer_to_parameters(search, &types[i], name);
    }
}

/* The list inside { } of ITEM, if it has one. */
static bool open_list(struct search *search, struct slice item, struct slice *ret_list)
{
    if (item.len == 0 || item.s[0] != '{')
        return false;
    if (postconf_split_braces(&item, ret_list))
        return true;
    postconf_warn(search->pc, "%s: missing '}' in \"%.*s\"", search->file, SLICE_ARG(item));
    return false;
}

void postconf_tables_find(struct postconf *pc, const char *file, struct slice value,
                          postconf_refer refer, void *ctx)
{
    struct search search = {pc, file, refer, ctx};
    struct slice open[NESTING_MAX] = {value}, item;
    size_t depth = 1; /* lists that are being read */
    while (depth > 0) {
        if (!slice_next_item(&open[depth - 1], &item)) {
            depth--;
            continue;
        }
        while (drop_prefix(&item, "proxy:"))
            continue;
        if (!drop_prefix(&item, "pipemap:"))
            (void)drop_prefix(&item, "unionmap:");
        if (depth < NESTING_MAX && open_list(&search, item, &open[depth]))
            depth++;
        else
            check_table(&search, item);
    }
}
