/* map_rules: see the header. */
#include "map/map_rules.h"

#include "base/xmem.h"

#include <ctype.h>

void map_rules_init(struct map_rules *rules, void (*free_pattern)(void *pattern))
{
    *rules = (struct map_rules){.open_if = SIZE_MAX, .free_pattern = free_pattern};
}

void map_rules_done(struct map_rules *rules)
{
    for (size_t i = 0; i < rules->count; i++) {
        if (rules->at[i].pattern)
            rules->free_pattern(rules->at[i].pattern);
        if (rules->at[i].run)
            rules->free_run(rules->at[i].run);
        free(rules->at[i].result);
    }
    free(rules->at);
    rules->at = NULL;
    rules->count = rules->cap = 0;
}

void map_rules_add(struct map_rules *rules, struct map_rule rule)
{
    if (rules->count == rules->cap) {
        rules->cap = rules->cap * 2 + 16;
        rules->at = xrealloc_array(rules->at, rules->cap, sizeof *rules->at);
    }
    if (rule.kind == MAP_RULE_IF) {
        rule.outer_if = rules->open_if;
        rules->open_if = rules->count;
    }
    rules->at[rules->count++] = rule;
}

bool map_rules_add_endif(struct map_rules *rules)
{
    if (rules->open_if == SIZE_MAX)
        return false;
    struct map_rule *opened = &rules->at[rules->open_if];
    opened->endif = rules->count;
    rules->open_if = opened->outer_if;
    map_rules_add(rules, (struct map_rule){.kind = MAP_RULE_ENDIF});
    return true;
}

void map_rules_finish(struct map_rules *rules, struct map *map, const char *where)
{
    while (rules->open_if != SIZE_MAX) {
        map_warn(map, "%s, line %d: IF has no matching ENDIF", where,
                 rules->at[rules->open_if].line);
        map_rules_add_endif(rules);
    }
}

size_t map_rules_run_end(const struct map_rules *rules, size_t first)
{
    size_t end = first;
    while (end < rules->count && rules->at[end].kind == MAP_RULE_RESULT && !rules->at[end].negated)
        end++;
    return end;
}

enum map_status map_rules_find(const struct map_rules *rules, map_rules_match match,
                               map_rules_find_in_run find_in_run, void *ctx,
                               const struct map_rule **ret_rule, struct err *err)
{
    for (size_t i = 0; i < rules->count; i++) {
        const struct map_rule *rule = &rules->at[i];
        if (rule->kind == MAP_RULE_ENDIF)
            continue;
        if (rule->run) {
            size_t found = find_in_run(ctx, rule->run);
            if (found != SIZE_MAX) {
                *ret_rule = &rules->at[found];
                return MAP_FOUND;
            }
            i = rule->run_end - 1;
            continue;
        }
        enum map_status status = match(ctx, rule, err);
        if (status == MAP_FAILED)
            return MAP_FAILED;
        bool applies = (status == MAP_FOUND) != rule->negated;
        if (applies && rule->kind == MAP_RULE_RESULT) {
            *ret_rule = rule;
            return MAP_FOUND;
        }
        if (!applies && rule->kind == MAP_RULE_IF)
            i = rule->endif;
    }
    return MAP_NOT_FOUND;
}

static bool take_word(struct slice *line, const char *word)
{
    size_t len = strlen(word);
    if (!slice_starts_nocase(*line, word))
        return false;
    if (line->len > len && (isalnum((unsigned char)line->s[len])))
        return false;
    *line = slice_trim(slice_from(*line, len));
    return true;
}

enum map_rule_kind map_rules_keyword(struct slice *line)
{
    if (take_word(line, "endif"))
        return MAP_RULE_ENDIF;
    if (take_word(line, "if"))
        return MAP_RULE_IF;
    return MAP_RULE_RESULT;
}

bool map_rules_negation(struct slice *line)
{
    bool negated = false;
    for (; line->len > 0 && line->s[0] == '!'; *line = slice_trim_left(slice_from(*line, 1)))
        negated = !negated;
    return negated;
}
