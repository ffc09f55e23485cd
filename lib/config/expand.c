/*
 * expand: what $name and ${...} in a value stand for; postconf(5) "PARAMETER SYNTAX".
 *
 * Values may refer to each other, so a value can be endless or grow without bound. The nesting,
 * the number of steps and the size of the result are all limited.
 */
#include "config/config.h"
#include "config/expand_rel.h"

enum {
    NESTING_MAX = 100,
    STEPS_MAX = 1 << 18, /* names and conditions looked at for one value */
};

/* A name whose value is being expanded. A value has no arguments, so a name met again inside its
 * own value would go on for ever. */
struct open_name {
    struct slice name;
    const struct open_name *outer;
};

struct expansion {
    config_lookup lookup;
    void *ctx;
    struct err *err;
    int nesting;
    int steps;
    const struct open_name *open;
    bool is_scan; /* names are looked up, in all branches, and not followed */
};

static bool expand_text(struct expansion *e, struct slice text, struct strbuf *out);

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static struct slice take_name(struct slice *in)
{
    size_t len = 0;
    while (len < in->len && is_name_char(in->s[len]))
        len++;
    struct slice name = slice_first(*in, len);
    *in = slice_from(*in, len);
    return name;
}

/* "WHAT at: "...SEEN>>>REST"": where in the text the mistake is. */
static bool syntax_error(struct expansion *e, const char *what, const char *from, struct slice at)
{
    struct slice seen = slice_trim_right((struct slice){from, (size_t)(at.s - from)});
    if (seen.len > 100)
        seen = slice_from(seen, seen.len - 100);
    return err_set(e->err, ERR_CONFIG, "%s at: \"...%.*s>>>%.*s\"", what, SLICE_ARG(seen),
                   SLICE_ARG(slice_first(at, 100)));
}

/* Take {text} or (text) off the front of *IN, which starts with OPEN; false without its end. */
static bool take_balanced(struct slice *in, char open, struct slice *ret_inner)
{
    char close = open == '{' ? '}' : ')';
    size_t depth = 0;
    for (size_t i = 0; i < in->len; i++) {
        if (in->s[i] == open)
            depth++;
        if (in->s[i] == close && --depth == 0) {
            *ret_inner = (struct slice){in->s + 1, i - 1};
            *in = slice_from(*in, i + 1);
            return true;
        }
    }
    return false;
}

/*
 * Take the text after "?" or ":", in braces or up to the end. *ret_braced tells which; only after
 * a braced text may more follow.
 */
static bool take_branch(struct expansion *e, struct slice *in, struct slice *ret_text,
                        bool *ret_braced)
{
    struct slice a = slice_trim_left(*in);
    *ret_braced = a.len > 0 && a.s[0] == '{';
    if (!*ret_braced) {
        *ret_text = *in;
        *in = slice_from(*in, in->len);
        return true;
    }
    if (!take_balanced(&a, '{', ret_text))
        return err_set(e->err, ERR_CONFIG, "unbalanced {} in attribute expression: \"%.*s\"",
                       SLICE_ARG(a));
    *in = slice_trim_left(a);
    return true;
}

/* The part behind the condition: ?text, :text, ?{text}:{text}. */
static bool expand_branches(struct expansion *e, struct slice in, bool is_true, struct strbuf *out)
{
    struct slice yes = SLICE_EMPTY, no = SLICE_EMPTY;
    bool braced;
    if (in.s[0] == '?') {
        in = slice_from(in, 1);
        if (!take_branch(e, &in, &yes, &braced))
            return false;
        if (in.len > 0 && in.s[0] != ':')
            return syntax_error(e, "\":\" expected", yes.s, in);
    }
    if (in.len > 0) {
        in = slice_from(in, 1);
        if (!take_branch(e, &in, &no, &braced))
            return false;
        if (in.len > 0)
            return syntax_error(e, "unexpected input", no.s, in);
    }
    if (e->is_scan)
        return expand_text(e, yes, out) && expand_text(e, no, out);
    return expand_text(e, is_true ? yes : no, out);
}

/* Expand the operand of a comparison, {text}, off the front of *IN. */
static bool take_operand(struct expansion *e, struct slice *in, struct slice whole,
                         struct strbuf *value)
{
    struct slice inner;
    if (in->len == 0 || in->s[0] != '{' || !take_balanced(in, '{', &inner))
        return syntax_error(e, "\"{expression}\" expected", whole.s, *in);
    return expand_text(e, inner, value);
}

/* ${{left} op {right}?{yes}:{no}} */
static bool expand_comparison(struct expansion *e, struct slice in, struct strbuf *out)
{
    CLEANUP(strbuf_done) struct strbuf left = STRBUF_INIT(CONFIG_VALUE_MAX);
    CLEANUP(strbuf_done) struct strbuf right = STRBUF_INIT(CONFIG_VALUE_MAX);
    struct slice whole = in;
    if (!take_operand(e, &in, whole, &left))
        return false;
    in = slice_trim_left(in);

    struct slice at = in, suffix;
    enum expand_op op;
    if (!expand_rel_take_op(&in, &op))
        /* with Postfix's quotes, of which some are too many */
        return syntax_error(
            e, "\"==\" or \"!=\"\" or \"<\"\" or \"<=\"\" or \">=\"\" or \">\" expected",
            whole.s + 1, in);
    suffix = take_name(&in);
    bool is_level = slice_eq(suffix, "level");
    if (suffix.len > 0 && !is_level)
        return syntax_error(e, "bad operator suffix", at.s, suffix);
    struct slice before_right = in;
    in = slice_trim_left(in);
    if (in.len == 0 || in.s[0] != '{')
        return syntax_error(e, "\"{expression}\" expected", whole.s, before_right);
    if (!take_operand(e, &in, whole, &right))
        return false;
    const char *end_of_right = in.s - 1;

    bool is_true = false;
    if (!e->is_scan && !(is_level ? expand_rel_levels : expand_rel_values)(
                           strbuf_slice(&left), op, strbuf_slice(&right), &is_true, e->err))
        return false;
    in = slice_trim_left(in);
    if (in.len == 0) {
        strbuf_add_str(out, is_true ? "true" : "");
        return true;
    }
    if (in.s[0] != '?' && in.s[0] != ':')
        return syntax_error(e, "\"?\" or \":\" expected", end_of_right, in);
    return expand_branches(e, in, is_true, out);
}

/* ${domain_to_ascii{text}}. Names in ASCII are their own A-labels. */
static bool expand_to_ascii(struct expansion *e, struct slice in, struct strbuf *out)
{
    struct slice whole = in, inner;
    if (!take_balanced(&in, '{', &inner) || slice_trim_left(in).len > 0)
        return syntax_error(e, "unexpected input", whole.s, in);
    size_t start = out->len;
    if (!expand_text(e, inner, out))
        return false;
    for (size_t i = start; i < out->len; i++)
        if ((unsigned char)out->s[i] >= 0x80)
            return err_set(e->err, ERR_CONFIG,
                           "domain_to_ascii: write this name in its ASCII form: \"%s\"",
                           out->s + start);
    return true;
}

/* Says which NAME is too deep and the last names that led there: "($a -> $b -> $a)". */
static bool nesting_error(struct expansion *e, struct slice name)
{
    enum { SHOWN = 5 };
    const struct open_name *way[SHOWN];
    size_t count = 0;
    const struct open_name *n = e->open;
    for (; n && count < SHOWN; n = n->outer)
        way[count++] = n;
    CLEANUP(strbuf_done) struct strbuf chain = STRBUF_ANY;
    strbuf_add_str(&chain, n ? "... -> " : "");
    while (count > 0) {
        struct slice outer = slice_first(way[--count]->name, 50);
        strbuf_addf(&chain, "$%.*s -> ", SLICE_ARG(outer));
    }
    return err_set(e->err, ERR_CONFIG, "unreasonable macro call nesting: \"%.*s\" (%s$%.*s)",
                   SLICE_ARG(slice_first(name, 100)), chain.s, SLICE_ARG(slice_first(name, 50)));
}

static bool expand_name(struct expansion *e, struct slice name, struct strbuf *out)
{
    const char *value = e->lookup(e->ctx, name);
    if (!value || e->is_scan)
        return true;
    for (const struct open_name *n = e->open; n; n = n->outer)
        if (slice_same(n->name, name))
            return nesting_error(e, name);
    if (e->nesting >= NESTING_MAX)
        return nesting_error(e, name);
    struct open_name self = {name, e->open};
    e->open = &self;
    e->nesting++;
    bool ok = expand_text(e, slice_of(value), out);
    e->nesting--;
    e->open = self.outer;
    return ok;
}

/* What is between ${ and }. */
static bool expand_braces(struct expansion *e, struct slice in, struct slice whole,
                          struct strbuf *out)
{
    if (in.len == 0)
        return err_set(e->err, ERR_CONFIG, "empty macro name: \"%.*s\"", SLICE_ARG(whole));
    in = slice_trim_left(in);
    if (in.len > 0 && in.s[0] == '{')
        return expand_comparison(e, in, out);
    const char *from = in.s;
    struct slice name = take_name(&in); /* empty in ${ } and ${:text}: no such parameter */
    if (slice_eq(name, "domain_to_ascii") && in.len > 0 && in.s[0] == '{')
        return expand_to_ascii(e, in, out);
    struct slice rest = slice_trim_left(in);
    if (rest.len > 0 && rest.s[0] != '?' && rest.s[0] != ':')
        return syntax_error(e, "attribute name syntax error", from, in);
    if (rest.len == 0)
        return expand_name(e, name, out);
    /* the test is on the value as written, not on what it expands to */
    const char *value = e->lookup(e->ctx, name);
    return expand_branches(e, rest, value && *value, out);
}

/* One $... at the front of *IN, past the "$". */
static bool expand_dollar(struct expansion *e, struct slice *in, struct slice whole,
                          struct strbuf *out)
{
    if (++e->steps > STEPS_MAX)
        return err_set(e->err, ERR_CONFIG, "too many expansions in one value");
    char c = in->len > 0 ? in->s[0] : '\0';
    struct slice inner;
    if (c == '$') {
        strbuf_add_char(out, '$');
        *in = slice_from(*in, 1);
        return true;
    }
    if (c == '{' || c == '(') {
        if (!take_balanced(in, c, &inner))
            return err_set(e->err, ERR_CONFIG, "truncated macro reference: \"%.*s\"",
                           SLICE_ARG(whole));
        if (e->nesting >= NESTING_MAX)
            return nesting_error(e, inner);
        e->nesting++;
        bool ok = expand_braces(e, inner, whole, out);
        e->nesting--;
        return ok;
    }
    inner = take_name(in);
    if (inner.len == 0)
        return err_set(e->err, ERR_CONFIG, "empty macro name: \"%.*s\"", SLICE_ARG(whole));
    return expand_name(e, inner, out);
}

static bool expand_text(struct expansion *e, struct slice text, struct strbuf *out)
{
    struct slice in = text;
    while (in.len > 0) {
        size_t plain = MIN(slice_find(in, '$'), in.len);
        strbuf_add_slice(out, slice_first(in, plain));
        in = slice_from(in, plain);
        if (out->overflow || out->len > CONFIG_VALUE_MAX)
            return err_set(e->err, ERR_CONFIG, "value expands to more than %d bytes",
                           (int)CONFIG_VALUE_MAX);
        if (in.len == 0)
            break;
        in = slice_from(in, 1);
        if (!expand_dollar(e, &in, text, out))
            return false;
    }
    return true;
}

bool config_expand_with(config_lookup lookup, void *ctx, struct slice text, struct strbuf *out,
                        struct err *err)
{
    struct expansion e = {.lookup = lookup, .ctx = ctx, .err = err};
    return expand_text(&e, text, out);
}

bool config_scan(config_lookup lookup, void *ctx, struct slice text, struct err *err)
{
    struct expansion e = {.lookup = lookup, .ctx = ctx, .err = err, .is_scan = true};
    CLEANUP(strbuf_done) struct strbuf out = STRBUF_INIT(CONFIG_VALUE_MAX);
    return expand_text(&e, text, &out);
}
