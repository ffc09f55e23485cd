/* map_braces: see the header. */
#include "map/map_braces.h"

#include "map/map_text.h"

bool map_braces_strip(struct slice a, struct slice *ret_inside, struct err *err)
{
    if (a.len == 0 || a.s[0] != '{')
        return err_set(err, ERR_CONFIG, "no '{' at start of text in \"%.*s\"", SLICE_ARG(a));
    size_t depth = 0, i = 0;
    for (; i < a.len; i++) {
        if (a.s[i] == '{')
            depth++;
        else if (a.s[i] == '}' && --depth == 0)
            break;
    }
    if (i == a.len)
        return err_set(err, ERR_CONFIG, "missing '}' in \"%.*s\"", SLICE_ARG(a));
    if (slice_trim(slice_from(a, i + 1)).len > 0)
        return err_set(err, ERR_CONFIG, "syntax error after '}' in \"%.*s\"", SLICE_ARG(a));
    *ret_inside = slice_trim(slice_from(slice_first(a, i), 1));
    return true;
}

static bool read_inline(const char *type, const char *name, struct strbuf *ret_text,
                        struct err *err)
{
    struct slice items, item, rule = SLICE_EMPTY;
    CLEANUP(strbuf_done) struct strbuf where = STRBUF_INIT(100);
    strbuf_addf(&where, "%s map", type);
    if (!map_braces_strip(slice_of(name), &items, err))
        return err_prefix(err, where.s);
    while (slice_next_item(&items, &item)) {
        if (!map_braces_strip(item, &rule, err))
            return err_prefix(err, where.s);
        strbuf_add_slice(ret_text, rule);
        strbuf_add_char(ret_text, '\n');
    }
    return true;
}

bool map_braces_read_rules(const char *type, const char *name, struct strbuf *ret_text,
                           struct err *err)
{
    if (*name == '{')
        return read_inline(type, name, ret_text, err);
    return map_text_read_file(name, ret_text, err);
}
