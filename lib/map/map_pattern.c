/* map_pattern: see the header. */
#include "map/map_pattern.h"

#include "map/map_braces.h"
#include "map/map_files.h"
#include "map/map_rules.h"
#include "map/map_text.h"

#include "base/xmem.h"

#include <ctype.h>

struct map_pattern {
    struct map map;
    const struct map_pattern_engine *engine;
    struct map_rules rules;
    struct slice groups[MAP_TEMPLATE_GROUPS]; /* of the last match */
    struct slice key;
};

enum { FLAGS_MAX = 16 };

static enum map_status pattern_match(void *ctx, const struct map_rule *rule, struct err *err)
{
    struct map_pattern *table = ctx;
    if (!map_prefix_allows(&rule->prefix, table->key.s))
        return MAP_NOT_FOUND;
    enum map_status status =
        table->engine->match(rule->pattern, table->key, table->groups, rule->max_group + 1, err);
    if (status == MAP_FAILED) {
        CLEANUP(strbuf_done) struct strbuf where = STRBUF_INIT(400);
        strbuf_addf(&where, "%s, line %d", table->map.name, rule->line);
        err_prefix(err, where.s);
    }
    return status;
}

static enum map_status pattern_find(struct map *map, const char *key, struct strbuf *value,
                                    struct err *err)
{
    struct map_pattern *table = CONTAINER_OF(map, struct map_pattern, map);
    const struct map_rule *rule;
    table->key = slice_of(key);
    enum map_status status = map_rules_find(&table->rules, pattern_match, NULL, table, &rule, err);
    if (status == MAP_FOUND)
        map_template_expand(slice_of(rule->result), table->groups, value);
    return status;
}

static void pattern_close(struct map *map)
{
    map_rules_done(&CONTAINER_OF(map, struct map_pattern, map)->rules);
}

/* Take /pattern/flags off the front of *IN ; false with a warning. */
static bool take_pattern(struct map_pattern *table, const char *where, struct slice *in,
                         struct slice *ret_pattern, char *ret_toggled)
{
    const struct map_pattern_engine *engine = table->engine;
    size_t end = 1, count = 0;
    while (end < in->len && in->s[end] != in->s[0])
        end += in->s[end] == '\\' ? 2 : 1;
    if (end >= in->len) {
        map_warn(&table->map, "%s: no closing regexp delimiter \"%c\": %s", where, in->s[0],
                 engine->unclosed);
        return false;
    }
    *ret_pattern = slice_first(slice_from(*in, 1), end - 1);
    *in = slice_from(*in, end + 1);
    for (; in->len > 0 && !isspace((unsigned char)in->s[0]); *in = slice_from(*in, 1)) {
        char flag = in->s[0];
        char *known = memchr(ret_toggled, flag, count);
        if (!strchr(engine->flags, flag)) {
            map_warn(&table->map, "%s: unknown regexp option \"%c\": skipping this rule", where,
                     flag);
            return false;
        }
        if (known)
            *known = ret_toggled[--count]; /* toggled back */
        else if (count < FLAGS_MAX - 1)
            ret_toggled[count++] = flag;
        ret_toggled[count] = 0;
    }
    *in = slice_trim(*in);
    return true;
}

static bool check_result(struct map_pattern *table, const char *where, struct slice result,
                         bool negated, size_t *ret_max)
{
    struct map_template_problem problem;
    if (!map_template_check(result, ret_max, &problem)) {
        if (*problem.number)
            map_warn(&table->map, "%s: %s", where, problem.number);
        if (*problem.syntax)
            map_warn(&table->map, "%s", problem.syntax);
        map_warn(&table->map, "%s: bad replacement syntax: skipping this rule", where);
        return false;
    }
    if ((table->map.flags & MAP_NO_GROUPS) && *ret_max > 0) {
        map_warn(&table->map,
                 "%s: regular expression substitution is not allowed: skipping this rule", where);
        return false;
    }
    if (negated && *ret_max > 0) {
        map_warn(&table->map,
                 "%s: $number found in negative match replacement text: skipping this rule", where);
        return false;
    }
    return true;
}

static void *compile(struct map_pattern *table, const char *where, struct slice pattern,
                     const char *toggled, size_t max_group)
{
    CLEANUP(strbuf_done) struct strbuf problem = STRBUF_INIT(500);
    CLEANUP(xfree_ptr) char *text = slice_dup(pattern);
    size_t groups = 0;
    void *compiled =
        table->engine->compile(text, toggled, table->map.flags & MAP_UTF8, &groups, &problem);
    if (!compiled) {
        map_warn(&table->map, "%s: %s", where, problem.s);
        return NULL;
    }
    if (max_group > groups) {
        map_warn(&table->map, "%s: out of range replacement index \"%zu\": skipping this rule",
                 where, max_group);
        table->engine->free_pattern(compiled);
        return NULL;
    }
    return compiled;
}

static void add_endif(struct map_pattern *table, const char *where, struct slice rest)
{
    if (!map_rules_add_endif(&table->rules))
        map_warn(&table->map, "%s: ignoring ENDIF without matching IF", where);
    else if (rest.len > 0)
        map_warn(&table->map, "%s: ignoring extra text after ENDIF", where);
}

/* RESULT names files: make it their content, in CONTENT. */
static bool take_files(struct map_pattern *table, const char *where, struct slice *result,
                       struct strbuf *content)
{
    struct err err = ERR_INIT;
    if (!map_files_encode(*result, content, &err)) {
        map_warn(&table->map, "%s: %s: skipping this rule", where, err.reason);
        return false;
    }
    *result = strbuf_slice(content);
    return true;
}

static void add_rule(struct map_pattern *table, const char *where, int line_number,
                     struct slice line)
{
    struct map_rule rule = {.kind = map_rules_keyword(&line), .line = line_number};
    if (rule.kind == MAP_RULE_ENDIF) {
        add_endif(table, where, line);
        return;
    }
    rule.negated = map_rules_negation(&line);
    if (line.len == 0) {
        map_warn(&table->map, "%s: no regexp: skipping this rule", where);
        return;
    }
    if (isalnum((unsigned char)line.s[0])) {
        map_warn(&table->map, "%s: ignoring unrecognized request", where);
        return;
    }
    CLEANUP(strbuf_done) struct strbuf content = STRBUF_ANY;
    struct slice pattern;
    char toggled[FLAGS_MAX] = "";
    if (!take_pattern(table, where, &line, &pattern, toggled))
        return;
    if (rule.kind == MAP_RULE_IF) {
        if (line.len > 0) {
            map_warn(&table->map, "%s: ignoring extra text after IF statement: \"%.*s\"", where,
                     SLICE_ARG(line));
            map_warn(&table->map,
                     "%s: do not prepend whitespace to statements between IF and ENDIF", where);
        }
    } else {
        if (line.len == 0)
            map_warn(&table->map, "%s: no replacement text: using empty string", where);
        if ((table->map.flags & MAP_FILES) && !take_files(table, where, &line, &content))
            return;
        if (!check_result(table, where, line, rule.negated, &rule.max_group))
            return;
    }
    if (!strpbrk(toggled, table->engine->unlike_prefix))
        rule.prefix = map_prefix_of(pattern, !strchr(toggled, 'i'));
    rule.pattern = compile(table, where, pattern, toggled, rule.max_group);
    if (!rule.pattern)
        return;
    if (rule.kind == MAP_RULE_RESULT)
        rule.result = slice_dup(line);
    map_rules_add(&table->rules, rule);
}

struct map *map_pattern_open(const struct map_pattern_engine *engine, const char *name,
                             enum map_flags flags, struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    if (!map_braces_read_rules(engine->type, name, &text, err))
        return NULL;
    struct map_pattern *table = map_alloc(sizeof *table);
    table->map.flags = flags;
    table->map.find = pattern_find;
    table->map.close = pattern_close;
    table->engine = engine;
    map_rules_init(&table->rules, engine->free_pattern);

    CLEANUP(strbuf_done) struct strbuf title = STRBUF_ANY;
    CLEANUP(strbuf_done) struct strbuf where = STRBUF_ANY;
    strbuf_addf(&title, "%s map %s", engine->type, name);
    struct map_text in;
    struct slice line;
    map_text_init(&in, strbuf_slice(&text));
    while (map_text_next(&in, &line)) {
        strbuf_setf(&where, "%s, line %d", title.s, in.first_line);
        add_rule(table, where.s, in.first_line, slice_trim(line));
    }
    map_text_done(&in);
    map_rules_finish(&table->rules, &table->map, title.s);
    return &table->map;
}
