#include "config/expand_rel.h"

#include "config/compat_level.h"

bool expand_rel_take_op(struct slice *in, enum expand_op *ret_op)
{
    static const struct {
        const char *text;
        enum expand_op op;
    } ops[] = {{"==", EXPAND_EQ}, {"!=", EXPAND_NE}, {"<=", EXPAND_LE},
               {">=", EXPAND_GE}, {"<", EXPAND_LT},  {">", EXPAND_GT}};
    size_t len = 0;
    while (len < in->len && strchr("=!<>", in->s[len]))
        len++; /* "=<" is a mistake, not "=" and something */
    for (size_t i = 0; i < COUNT_OF(ops); i++) {
        if (slice_eq(slice_first(*in, len), ops[i].text)) {
            *in = slice_from(*in, len);
            *ret_op = ops[i].op;
            return true;
        }
    }
    return false;
}

static bool holds(int order, enum expand_op op)
{
    switch (op) {
    case EXPAND_EQ:
        return order == 0;
    case EXPAND_NE:
        return order != 0;
    case EXPAND_LT:
        return order < 0;
    case EXPAND_LE:
        return order <= 0;
    case EXPAND_GE:
        return order >= 0;
    case EXPAND_GT:
        return order > 0;
    }
    return false;
}

static bool is_digits(struct slice a)
{
    for (size_t i = 0; i < a.len; i++)
        if (a.s[i] < '0' || a.s[i] > '9')
            return false;
    return a.len > 0;
}

static int order_of_text(struct slice a, struct slice b)
{
    size_t len = MIN(a.len, b.len);
    int order = len > 0 ? memcmp(a.s, b.s, len) : 0;
    if (order == 0)
        order = a.len < b.len ? -1 : a.len > b.len;
    return order;
}

/* Of any size: after the leading zeros the longer number is the larger one. */
static int order_of_digits(struct slice a, struct slice b)
{
    while (a.len > 1 && a.s[0] == '0')
        a = slice_from(a, 1);
    while (b.len > 1 && b.s[0] == '0')
        b = slice_from(b, 1);
    if (a.len != b.len)
        return a.len < b.len ? -1 : 1;
    return order_of_text(a, b);
}

bool expand_rel_values(struct slice left, enum expand_op op, struct slice right, bool *ret_true,
                       struct err *err)
{
    (void)err; /* any two values compare; the signature is that of expand_rel_levels() */
    bool numbers = is_digits(left) && is_digits(right);
    *ret_true = holds((numbers ? order_of_digits : order_of_text)(left, right), op);
    return true;
}

bool expand_rel_levels(struct slice left, enum expand_op op, struct slice right, bool *ret_true,
                       struct err *err)
{
    uint64_t a, b;
    if (!compat_level_parse(left, &a, err) || !compat_level_parse(right, &b, err))
        return false;
    *ret_true = holds(a < b ? -1 : a > b, op);
    return true;
}
