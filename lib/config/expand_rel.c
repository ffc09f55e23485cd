#include "config/expand_rel.h"

#include "base/num.h"

bool expand_rel_take_op(struct slice *in, enum expand_op *ret_op)
{
    static const struct {
        const char *text;
        enum expand_op op;
    } ops[] = {{"==", EXPAND_EQ}, {"!=", EXPAND_NE}, {"<=", EXPAND_LE},
               {">=", EXPAND_GE}, {"<", EXPAND_LT},  {">", EXPAND_GT}};
    for (size_t i = 0; i < COUNT_OF(ops); i++) {
        if (slice_starts(*in, ops[i].text)) {
            *in = slice_from(*in, strlen(ops[i].text));
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

static bool parse_level(struct slice text, uint64_t parts[3], struct err *err)
{
    static const uint64_t most[3] = {UINT32_MAX * 2048ull, 1023, 1023};
    struct slice rest = text, part;
    for (size_t i = 0; i < 3; i++) {
        bool more = slice_split(rest, '.', &part, &rest);
        if (!more)
            part = rest;
        if (!num_parse_u64(part, 10, &parts[i]) || parts[i] > most[i] || (more && i == 2))
            return err_set(err, ERR_CONFIG, "malformed compatibility level syntax: \"%.*s\"",
                           SLICE_ARG(text));
        if (!more)
            break;
    }
    return true;
}

bool expand_rel_levels(struct slice left, enum expand_op op, struct slice right, bool *ret_true,
                       struct err *err)
{
    uint64_t a[3] = {0}, b[3] = {0};
    if (!parse_level(left, a, err) || !parse_level(right, b, err))
        return false;
    int order = 0;
    for (size_t i = 0; i < 3 && order == 0; i++)
        order = a[i] < b[i] ? -1 : a[i] > b[i];
    *ret_true = holds(order, op);
    return true;
}
