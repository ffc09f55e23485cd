/* map_cidr: cidr:/file, networks and addresses in order. */
#include "map/map_braces.h"
#include "map/map_drivers.h"
#include "map/map_net_index.h"
#include "map/map_rules.h"
#include "map/map_text.h"

#include "base/xmem.h"

struct map_cidr_table {
    struct map map;
    struct map_rules rules;
};

static enum map_status cidr_match(void *ctx, const struct map_rule *rule, struct err *err)
{
    (void)err;
    const struct map_net *net = rule->pattern, *address = ctx;
    if (net->size != address->size) /* "!IPv4" says nothing about IPv6 addresses */
        return rule->negated ? MAP_FOUND : MAP_NOT_FOUND;
    return map_net_contains(net, address) ? MAP_FOUND : MAP_NOT_FOUND;
}

static size_t find_in_run(void *ctx, const void *run)
{
    return map_net_index_find(run, ctx);
}

static void free_run(void *run)
{
    map_net_index_free(run);
}

/* Long runs of plain networks get an index each. */
static void index_runs(struct map_rules *rules)
{
    enum { RUN_MIN = 8 };
    rules->free_run = free_run;
    for (size_t i = 0; i < rules->count; i++) {
        size_t end = map_rules_run_end(rules, i);
        if (end < i + RUN_MIN)
            continue;
        struct map_net_index *index = map_net_index_new();
        rules->at[i].run = index;
        rules->at[i].run_end = end;
        for (size_t n = i; n < end; n++)
            map_net_index_add(index, rules->at[n].pattern, n);
        i = end - 1;
    }
}

static enum map_status cidr_find(struct map *map, const char *key, struct strbuf *value,
                                 struct err *err)
{
    struct map_cidr_table *table = CONTAINER_OF(map, struct map_cidr_table, map);
    struct map_net address;
    const struct map_rule *rule;
    if (!map_net_parse_address(slice_of(key), &address))
        return MAP_NOT_FOUND; /* a host name, say */
    enum map_status status =
        map_rules_find(&table->rules, cidr_match, find_in_run, &address, &rule, err);
    if (status == MAP_FOUND)
        strbuf_add_str(value, rule->result);
    return status;
}

static void cidr_close(struct map *map)
{
    map_rules_done(&CONTAINER_OF(map, struct map_cidr_table, map)->rules);
}

static const char *add_endif(struct map_cidr_table *table, struct slice rest)
{
    if (rest.len > 0)
        return "garbage after ENDIF";
    return map_rules_add_endif(&table->rules) ? NULL : "ENDIF without IF";
}

/* NULL, or what is wrong with LINE. */
static const char *add_rule(struct map_cidr_table *table, int line_number, struct slice line,
                            struct strbuf *problem)
{
    struct map_rule rule = {.kind = map_rules_keyword(&line), .line = line_number};
    if (rule.kind == MAP_RULE_ENDIF)
        return add_endif(table, line);
    rule.negated = map_rules_negation(&line);
    if (line.len == 0)
        return "no address pattern";

    struct slice pattern = line, rest = line;
    if (rule.kind == MAP_RULE_RESULT)
        slice_next_token(&rest, SLICE_SPACE, &pattern);
    struct map_net net;
    if (!map_net_parse(pattern, &net, problem))
        return problem->s;
    if (rule.kind == MAP_RULE_RESULT) {
        rest = slice_trim(rest);
        if (rest.len == 0)
            return "no lookup result";
        rule.result = slice_dup(rest);
    }
    rule.pattern = xmalloc(sizeof net);
    memcpy(rule.pattern, &net, sizeof net);
    map_rules_add(&table->rules, rule);
    return NULL;
}

static struct map *cidr_open(const char *name, enum map_flags flags, struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    CLEANUP(strbuf_done) struct strbuf title = STRBUF_ANY;
    if (!map_braces_read_rules("cidr", name, &text, err))
        return NULL;
    struct map_cidr_table *table = map_alloc(sizeof *table);
    table->map.flags = flags;
    table->map.find = cidr_find;
    table->map.close = cidr_close;
    map_rules_init(&table->rules, free);
    strbuf_addf(&title, "cidr map %s", name);

    struct map_text in;
    struct slice line;
    map_text_init(&in, strbuf_slice(&text));
    while (map_text_next(&in, &line)) {
        CLEANUP(strbuf_done) struct strbuf problem = STRBUF_INIT(1000);
        const char *wrong = add_rule(table, in.first_line, slice_trim(line), &problem);
        if (wrong)
            map_warn(&table->map, "%s, line %d: %s: skipping this rule", title.s, in.first_line,
                     wrong);
    }
    map_text_done(&in);
    map_rules_finish(&table->rules, &table->map, title.s);
    index_runs(&table->rules);
    return &table->map;
}

const struct map_driver map_cidr = {
    .type = "cidr", .is_pattern = true, .has_raw_key = true, .open = cidr_open};
