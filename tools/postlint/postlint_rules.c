/* Rules over several parameters; the table is postlint_rules.def. */
#include "postlint/postlint.h"

enum op { OP_END, OP_IS, OP_ISNT, OP_EMPTY, OP_FULL, OP_LESS, OP_LIMIT, OP_ROOM };

struct condition {
    const char *name;
    enum op op;
    const char *other; /* a text or the name of another parameter */
};

enum { CONDITIONS = 8 };

// clang-format off
static const struct rule {
    enum postlint_id id;
    const char *text;
    struct condition conditions[CONDITIONS];
} rules[] = {
#define RULE(id, text, ...) {LINT_##id, text, {__VA_ARGS__}},
#define IS(name, value)   {#name, OP_IS, value}
#define ISNT(name, value) {#name, OP_ISNT, value}
#define EMPTY(name)       {#name, OP_EMPTY, NULL}
#define FULL(name)        {#name, OP_FULL, NULL}
#define LESS(name, other)  {#name, OP_LESS, #other}
#define LIMIT(name, other) {#name, OP_LIMIT, #other}
#define ROOM(name, other)  {#name, OP_ROOM, #other}
#include "postlint/postlint_rules.def"
};
// clang-format on

static bool is_about_two(enum op op)
{
    return op >= OP_LESS;
}

static bool get_number(const struct postlint_scope *scope, const char *name, int64_t *ret)
{
    const struct param_row *row = param_find(known_param_rows, name);
    if (!row)
        return false;
    if (row->kind == PARAM_TIME)
        return config_get_time(scope->cfg, name, row->default_text, 0, 0, ret, NULL);
    return row->kind == PARAM_INT &&
           config_get_int(scope->cfg, name, row->default_text, 0, 0, ret, NULL);
}

static bool numbers_hold(const struct postlint_scope *scope, const struct condition *c)
{
    int64_t left, right;
    if (!get_number(scope, c->name, &left) || !get_number(scope, c->other, &right))
        return false;
    switch (c->op) {
    case OP_LESS:
        return left < right;
    case OP_LIMIT:
        return left > 0 && (right == 0 || left < right);
    default:
        return left > 0 && left < right + right / 2;
    }
}

static bool holds(const struct postlint_scope *scope, const struct condition *c)
{
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY, other = STRBUF_ANY;
    if (is_about_two(c->op))
        return numbers_hold(scope, c);
    if (!postlint_get(scope, c->name, &value))
        return false;
    if (c->op == OP_EMPTY || c->op == OP_FULL)
        return (value.len == 0) == (c->op == OP_EMPTY);
    return config_expand(scope->cfg, slice_of(c->other), &other, NULL) &&
           slice_eq_nocase(slice_trim(strbuf_slice(&value)), other.s) == (c->op == OP_IS);
}

/* The parameter that SCOPE sets, the first one preferred; NULL: none of them. */
static const char *set_name(const struct postlint *lint, const struct postlint_scope *scope,
                            const struct rule *rule)
{
    for (const struct condition *c = rule->conditions; c->op != OP_END; c++) {
        if (postlint_is_set_here(lint, scope, c->name))
            return c->name;
        if (is_about_two(c->op) && postlint_is_set_here(lint, scope, c->other))
            return c->other;
    }
    return NULL;
}

static void check(struct postlint *lint, const struct postlint_scope *scope,
                  const struct rule *rule)
{
    const char *name = set_name(lint, scope, rule);
    if (!name)
        return;
    for (const struct condition *c = rule->conditions; c->op != OP_END; c++)
        if (!holds(scope, c))
            return;
    postlint_report(lint, rule->id, postlint_where(lint, scope, name), NULL, "%s", rule->text);
}

void postlint_rules(struct postlint *lint)
{
    for (size_t i = 0; i < lint->scope_count; i++)
        for (size_t k = 0; k < COUNT_OF(rules); k++)
            check(lint, &lint->scopes[i], &rules[k]);
}
