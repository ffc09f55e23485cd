/* The rows of the table name parameters that exist; what they find is tested by
 * integration/test_check_findings.py. */
#include "unit/cm.h"

#include "postlint/postlint.h"

struct named {
    const char *name, *other;
};

#define RULE(id, text, ...) {text, {__VA_ARGS__}},
#define IS(name, value)                                                                            \
    {                                                                                              \
#name, NULL                                                                                \
    }
#define ISNT(name, value)                                                                          \
    {                                                                                              \
#name, NULL                                                                                \
    }
#define EMPTY(name)                                                                                \
    {                                                                                              \
#name, NULL                                                                                \
    }
#define FULL(name)                                                                                 \
    {                                                                                              \
#name, NULL                                                                                \
    }
#define LESS(name, other)                                                                          \
    {                                                                                              \
#name, #other                                                                              \
    }
#define LIMIT(name, other)                                                                         \
    {                                                                                              \
#name, #other                                                                              \
    }
#define ROOM(name, other)                                                                          \
    {                                                                                              \
#name, #other                                                                              \
    }
static const struct {
    const char *text;
    struct named names[8];
} rules[] = {
#include "postlint/postlint_rules.def"
};

static void parameters_exist(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        ROW(rules[i].text);
        for (const struct named *n = rules[i].names; n->name; n++) {
            const struct param_row *row = param_find(known_param_rows, n->name);
            assert_non_null(row);
            if (!n->other)
                continue;
            assert_non_null(param_find(known_param_rows, n->other));
            assert_true(row->kind == PARAM_INT || row->kind == PARAM_TIME);
        }
        assert_null(rules[i].names[COUNT_OF(rules[i].names) - 1].name); /* room for the end */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(parameters_exist)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
