/*
 * map_rules: an ordered list of rules with if ... endif blocks, the inside of regexp, pcre and cidr
 * tables. What a pattern is, and how it matches, is the type's own matter.
 */
#ifndef MAP_MAP_RULES_H
#define MAP_MAP_RULES_H

#include "map/map.h"
#include "map/map_prefix.h"

enum map_rule_kind { MAP_RULE_RESULT, MAP_RULE_IF, MAP_RULE_ENDIF };

struct map_rule {
    enum map_rule_kind kind;
    bool negated;
    int line;
    void *pattern;            /* NULL for endif */
    char *result;             /* of a RESULT rule */
    size_t max_group;         /* highest $number in the result */
    size_t endif;             /* of an IF: index of its endif */
    size_t outer_if;          /* while reading: the IF around this one, SIZE_MAX: none */
    struct map_prefix prefix; /* of a regular expression */
    void *run;                /* the table's index of the rules from here to run_end, or NULL */
    size_t run_end;
};

struct map_rules {
    struct map_rule *at;
    size_t count, cap;
    size_t open_if; /* SIZE_MAX: none */
    void (*free_pattern)(void *pattern);
    void (*free_run)(void *run);
};

void map_rules_init(struct map_rules *rules, void (*free_pattern)(void *pattern));
void map_rules_done(struct map_rules *rules);
/* Takes what RULE points to. An IF opens a block. */
void map_rules_add(struct map_rules *rules, struct map_rule rule);
bool map_rules_add_endif(struct map_rules *rules); /* false: no IF is open */
/* Close the blocks that are still open, each with a warning that begins with "TYPE map NAME". */
void map_rules_finish(struct map_rules *rules, struct map *map, const char *where);

/* MAP_FOUND: the pattern matches (negation is applied by the caller of this function). */
typedef enum map_status (*map_rules_match)(void *ctx, const struct map_rule *rule, struct err *err);
/* Find at once which of the rules of RUN matches, SIZE_MAX: none; NULL where a table has no runs.
 */
typedef size_t (*map_rules_find_in_run)(void *ctx, const void *run);
/* The first rule that applies. */
enum map_status map_rules_find(const struct map_rules *rules, map_rules_match match,
                               map_rules_find_in_run find_in_run, void *ctx,
                               const struct map_rule **ret_rule, struct err *err);

/* The end of the run of plain rules (results, not negated) that begins at FIRST; FIRST when there
 * is none. */
size_t map_rules_run_end(const struct map_rules *rules, size_t first);

/* Take the word IF or ENDIF (any case) off the front of *LINE; what is left is trimmed. */
enum map_rule_kind map_rules_keyword(struct slice *line);
/* Take "!" signs off the front: is the rule negated? */
bool map_rules_negation(struct slice *line);

#endif
