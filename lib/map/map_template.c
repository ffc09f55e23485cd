/* map_template: see the header. */
#include "map/map_template.h"

#include "base/num.h"

#include <ctype.h>

enum piece { PIECE_END, PIECE_TEXT, PIECE_MACRO, PIECE_TRUNCATED, PIECE_EMPTY };

static enum piece take_macro(struct slice *in, struct slice *ret)
{
    struct slice a = slice_from(*in, 1); /* after the $ */
    if (a.len > 0 && (a.s[0] == '{' || a.s[0] == '(')) {
        struct slice inside = slice_from(a, 1), rest;
        if (!slice_split(inside, a.s[0] == '{' ? '}' : ')', ret, &rest))
            return PIECE_TRUNCATED;
        *in = rest;
    } else {
        size_t len = 0;
        while (len < a.len && (isalnum((unsigned char)a.s[len]) || a.s[len] == '_'))
            len++;
        *ret = slice_first(a, len);
        *in = slice_from(a, len);
    }
    return ret->len > 0 ? PIECE_MACRO : PIECE_EMPTY;
}

static enum piece next_piece(struct slice *in, struct slice *ret)
{
    if (in->len == 0)
        return PIECE_END;
    if (in->s[0] != '$') {
        size_t len = MIN(slice_find(*in, '$'), in->len);
        *ret = slice_first(*in, len);
        *in = slice_from(*in, len);
        return PIECE_TEXT;
    }
    if (in->len > 1 && in->s[1] == '$') {
        *ret = slice_first(*in, 1);
        *in = slice_from(*in, 2);
        return PIECE_TEXT;
    }
    return take_macro(in, ret);
}

static bool macro_number(struct slice macro, uint64_t *ret)
{
    return num_parse_u64(macro, 10, ret);
}

bool map_template_check(struct slice template, size_t *ret_max, struct map_template_problem *ret)
{
    struct slice in = template, piece = SLICE_EMPTY;
    enum piece kind;
    uint64_t number;
    *ret = (struct map_template_problem){"", ""};
    *ret_max = 0;
    while ((kind = next_piece(&in, &piece)) == PIECE_TEXT || kind == PIECE_MACRO) {
        if (kind == PIECE_TEXT)
            continue;
        if (!macro_number(piece, &number)) {
            snprintf(ret->number, sizeof ret->number, "non-numeric replacement index \"%.*s\"",
                     SLICE_ARG(piece));
        } else if (number < 1 || number >= MAP_TEMPLATE_GROUPS) {
            snprintf(ret->number, sizeof ret->number, "out of range replacement index \"%.*s\"",
                     SLICE_ARG(piece));
        } else {
            *ret_max = MAX(*ret_max, (size_t)number);
        }
    }
    if (kind != PIECE_END)
        snprintf(ret->syntax, sizeof ret->syntax, "%s: \"%.*s\"",
                 kind == PIECE_EMPTY ? "empty macro name" : "truncated macro reference",
                 SLICE_ARG(template));
    return !*ret->number && !*ret->syntax;
}

void map_template_expand(struct slice template, const struct slice *groups, struct strbuf *out)
{
    struct slice piece = SLICE_EMPTY;
    enum piece kind;
    uint64_t number;
    while ((kind = next_piece(&template, &piece)) == PIECE_TEXT || kind == PIECE_MACRO) {
        if (kind == PIECE_TEXT)
            strbuf_add_slice(out, piece);
        else if (macro_number(piece, &number) && number < MAP_TEMPLATE_GROUPS)
            strbuf_add_slice(out, groups[number]);
    }
}
