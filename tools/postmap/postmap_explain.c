/* postmap_explain: see the header. */
#include "tools/postmap/postmap_explain.h"

#include "config/common_params.h"
#include "log/log.h"
#include "mail/address.h"
#include "mail/local_domains.h"
#include "map/map_address.h"
#include "map/map_host.h"
#include "map/map_net.h"

enum how { HOW_KEY, HOW_ADDRESS, HOW_HOST, HOW_ALIAS, HOW_TRANSPORT };

/* What tables are for. The programs search with the same functions and sets of keys. */
static const struct use {
    const char *name;
    enum how how;
    unsigned keys;       /* enum map_address_keys */
    const char *parents; /* its name in parent_domain_matches_subdomains */
} uses[] = {
    {"access", HOW_ADDRESS, MAP_ADDR_ACCESS, "smtpd_access_maps"},
    {"aliases", HOW_ALIAS, 0, NULL},
    {"bcc", HOW_ADDRESS, MAP_ADDR_CANONICAL, NULL},
    {"canonical", HOW_ADDRESS, MAP_ADDR_REWRITE, NULL},
    {"client", HOW_HOST, 0, "smtpd_access_maps"},
    {"generic", HOW_ADDRESS, MAP_ADDR_REWRITE, NULL},
    {"key", HOW_KEY, 0, NULL},
    {"mailbox", HOW_ADDRESS, MAP_ADDR_MAILBOX, NULL},
    {"recipient", HOW_ADDRESS, MAP_ADDR_CANONICAL, NULL},
    {"relayhost", HOW_ADDRESS, MAP_ADDR_MAILBOX, NULL},
    {"relocated", HOW_ADDRESS, MAP_ADDR_CANONICAL, NULL},
    {"transport", HOW_TRANSPORT, MAP_ADDR_TRANSPORT, "transport_maps"},
    {"virtual", HOW_ADDRESS, MAP_ADDR_REWRITE, NULL},
};

static const struct use *find_use(const char *name)
{
    CLEANUP(strbuf_done) struct strbuf known = STRBUF_ANY;
    for (size_t i = 0; i < COUNT_OF(uses); i++) {
        if (strcmp(uses[i].name, name) == 0)
            return &uses[i];
        strbuf_addf(&known, " %s", uses[i].name);
    }
    log_fatal("--as %s: specify one of%s", name, known.s);
}

static void show_step(void *ctx, const struct maps_step *step)
{
    (void)ctx;
    printf("%s\t%s\t", step->table, step->key);
    if (!step->was_asked)
        puts("passed over: knows whole keys only");
    else if (step->status == MAP_FOUND)
        printf("found: %s\n", step->value);
    else if (step->status == MAP_NOT_FOUND)
        puts("not found");
    else
        printf("error: %s\n", step->err->reason);
}

static enum map_status find_address(struct maps *maps, const struct use *use, const char *address,
                                    struct strbuf *value, struct err *err)
{
    struct local_domains *domains = local_domains_new(err);
    struct local_domains_query own = {domains, err, false};
    CLEANUP(strbuf_done) struct strbuf extension = STRBUF_ANY;
    CLEANUP(strbuf_done) struct strbuf internal = STRBUF_ANY; /* "a b"@c is a b@c to programs */
    if (!domains)
        return MAP_FAILED;
    if (*address == '"')
        address_to_internal(slice_of(address), &internal);
    struct map_address_query query = {
        .address = internal.len > 0 ? internal.s : address,
        .keys = use->keys | (use->parents ? map_address_parents(use->parents) : 0),
        .recipient_delimiter = common_params.recipient_delimiter,
        .is_local = local_domains_own_bare_names,
        .ctx = &own,
    };
    enum map_status status = map_address_find(maps, &query, value, &extension, NULL, err);
    if (status == MAP_FOUND && extension.len > 0)
        printf("the key that was found leaves out the extension %s\n", extension.s);
    local_domains_free(domains);
    return own.has_failed ? MAP_FAILED : status;
}

/* The entry "*" is asked for first, and counts last. */
static enum map_status find_transport(struct maps *maps, const struct use *use, const char *address,
                                      struct strbuf *value, struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf any_value = STRBUF_ANY;
    enum map_status any = maps_find(maps, "*", MAPS_WHOLE_KEY, &any_value, err);
    if (any == MAP_FAILED)
        return any;
    enum map_status status = find_address(maps, use, address, value, err);
    if (status != MAP_NOT_FOUND || any != MAP_FOUND)
        return status;
    puts("no better key than * was found");
    strbuf_set_slice(value, strbuf_slice(&any_value));
    return MAP_FOUND;
}

static enum map_status find_host(struct maps *maps, const struct use *use, const char *key,
                                 struct strbuf *value, struct err *err)
{
    struct map_net address;
    if (map_net_parse_address(slice_of(key), &address))
        return map_host_find_address(maps, key, value, err);
    return map_host_find_name(maps, key, map_host_parents_match(use->parents), value, err);
}

/* A name, then the name without its extension. */
static enum map_status find_alias(struct maps *maps, const char *name, struct strbuf *value,
                                  struct err *err)
{
    struct slice user, extension;
    enum map_status status = maps_find(maps, name, MAPS_WHOLE_KEY, value, err);
    if (status != MAP_NOT_FOUND ||
        !map_address_split_extension(slice_of(name), common_params.recipient_delimiter, &user,
                                     &extension))
        return status;
    CLEANUP(strbuf_done) struct strbuf key = STRBUF_ANY;
    strbuf_add_slice(&key, user);
    return maps_find(maps, key.s, MAPS_WHOLE_KEY, value, err);
}

static enum map_status find(struct maps *maps, const struct use *use, const char *key,
                            struct strbuf *value, struct err *err)
{
    switch (use->how) {
    case HOW_ADDRESS:
        return find_address(maps, use, key, value, err);
    case HOW_TRANSPORT:
        return find_transport(maps, use, key, value, err);
    case HOW_HOST:
        return find_host(maps, use, key, value, err);
    case HOW_ALIAS:
        return find_alias(maps, key, value, err);
    case HOW_KEY:
        break;
    }
    return maps_find(maps, key, MAPS_WHOLE_KEY, value, err);
}

static void log_warnings(struct maps *maps)
{
    struct slice in = slice_of(maps_warnings(maps)), line;
    while (slice_next_line(&in, &line))
        log_warn(NULL, "%.*s", SLICE_ARG(line));
}

bool postmap_explain(char *const *tables, size_t count, const struct postmap_options *options)
{
    const struct use *use = find_use(options->use ? options->use : "key");
    CLEANUP(strbuf_done) struct strbuf list = STRBUF_ANY;
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
    struct err err = ERR_INIT;
    for (size_t i = 0; i < count; i++)
        strbuf_addf(&list, "%s ", tables[i]);
    struct maps *maps = maps_open("--explain", list.s, options->flags);
    log_warnings(maps);
    maps_observe(maps, show_step, NULL);
    enum map_status status = find(maps, use, options->explain, &value, &err);
    log_warnings(maps);
    maps_close(maps);
    if (status == MAP_FAILED) {
        fflush(stdout);
        log_fatal("%s", err.reason);
    }
    if (status == MAP_FOUND)
        printf("result: %s\n", value.s);
    else
        puts("no result");
    if (fflush(stdout) != 0 || ferror(stdout))
        log_fatal("write standard output: error");
    return status == MAP_FOUND;
}
