/*
 * map_alias: one "name: value, value" line of aliases(5), in the form the alias database stores.
 *
 * Name and value are sequences of RFC 822 tokens. The name is stored without quoting; the value's
 * tokens are written back with standard spacing, so that programs that read the database see one
 * form.
 */
#include "map/map_text.h"

enum token_kind { TOKEN_ATOM, TOKEN_QUOTED, TOKEN_COMMENT, TOKEN_SPECIAL };

struct token {
    enum token_kind kind;
    struct slice text; /* of QUOTED and COMMENT: with its delimiters, as far as they are there */
    bool is_closed;
};

static const char specials[] = "()<>@,;:\\\".[]";

static size_t quoted_length(struct slice in, bool *ret_closed)
{
    *ret_closed = false;
    for (size_t i = 1; i < in.len; i++) {
        if (in.s[i] == '\\' && i + 1 < in.len) {
            i++;
        } else if (in.s[i] == '"') {
            *ret_closed = true;
            return i + 1;
        }
    }
    return in.len;
}

static size_t comment_length(struct slice in, bool *ret_closed)
{
    size_t depth = 0;
    *ret_closed = false;
    for (size_t i = 0; i < in.len; i++) {
        if (in.s[i] == '\\' && i + 1 < in.len) {
            i++;
        } else if (in.s[i] == '(') {
            depth++;
        } else if (in.s[i] == ')' && --depth == 0) {
            *ret_closed = true;
            return i + 1;
        }
    }
    return in.len;
}

/* "." does not end an atom here: file names and host names stay whole. */
static size_t atom_length(struct slice in)
{
    size_t i = 0;
    for (; i < in.len; i++) {
        if (in.s[i] == '\\' && i + 1 < in.len)
            i++;
        else if (in.s[i] != '.' && strchr(specials, in.s[i]))
            break;
        else if (strchr(SLICE_SPACE, in.s[i]))
            break;
    }
    return i;
}

static bool token_next(struct slice *in, struct token *ret)
{
    struct slice a = slice_trim_left(*in);
    if (a.len == 0)
        return false;
    size_t len;
    ret->is_closed = true;
    if (a.s[0] == '"') {
        ret->kind = TOKEN_QUOTED;
        len = quoted_length(a, &ret->is_closed);
    } else if (a.s[0] == '(') {
        ret->kind = TOKEN_COMMENT;
        len = comment_length(a, &ret->is_closed);
    } else {
        ret->kind = TOKEN_ATOM;
        len = atom_length(a);
    }
    if (len == 0) {
        ret->kind = TOKEN_SPECIAL;
        len = 1;
    }
    ret->text = slice_first(a, len);
    *in = slice_from(a, len);
    return true;
}

static struct slice token_content(const struct token *token)
{
    struct slice a = token->text;
    if (token->kind != TOKEN_QUOTED)
        return a;
    a = slice_from(a, 1);
    if (token->is_closed)
        a.len--;
    return a;
}

static void add_unquoted(struct strbuf *out, struct slice a)
{
    for (size_t i = 0; i < a.len; i++) {
        if (a.s[i] == '\\' && i + 1 < a.len)
            i++;
        strbuf_add_char(out, a.s[i]);
    }
}

static bool is_special(const struct token *token, char c)
{
    return token->kind == TOKEN_SPECIAL && token->text.s[0] == c;
}

/* A blank goes between two tokens that both are words, and after a comma. */
static bool needs_blank(const struct token *before, const struct token *token)
{
    if (is_special(before, ','))
        return true;
    return before->kind != TOKEN_SPECIAL && token->kind != TOKEN_SPECIAL;
}

/* Take the name and its colon off *IN. */
static const char *name_parse(struct slice *in, struct strbuf *ret_name)
{
    struct token token, before = {0};
    bool any = false, is_local = true;
    for (;; any = true, before = token) {
        if (!token_next(in, &token))
            return "need name:value pair";
        if (is_special(&token, ':'))
            break;
        if (is_special(&token, '@'))
            is_local = false;
        if (any && needs_blank(&before, &token))
            strbuf_add_char(ret_name, ' ');
        add_unquoted(ret_name, token_content(&token));
    }
    if (!any)
        return "need name:value pair";
    if (!is_local)
        return "name must be local";
    return ret_name->len > 0 ? NULL : "need name:value pair";
}

static void value_parse(struct slice in, struct strbuf *ret_value)
{
    struct token token, before = {0};
    for (bool any = false; token_next(&in, &token); any = true, before = token) {
        if (any && needs_blank(&before, &token))
            strbuf_add_char(ret_value, ' ');
        strbuf_add_slice(ret_value, token.text);
        if (!token.is_closed)
            strbuf_add_char(ret_value, token.kind == TOKEN_QUOTED ? '"' : ')');
    }
}

const char *map_alias_parse(struct slice line, struct strbuf *ret_name, struct strbuf *ret_value)
{
    const char *problem = name_parse(&line, ret_name);
    if (problem)
        return problem;
    value_parse(line, ret_value);
    return ret_value->len > 0 ? NULL : "need name:value pair";
}
