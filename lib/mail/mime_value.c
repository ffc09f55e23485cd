/* mime_value: a small tokenizer; comments and folding are skipped wherever they stand. */
#include "mail/mime_value.h"

static void skip_blank(struct slice *in)
{
    size_t depth = 0;
    while (in->len > 0) {
        char c = in->s[0];
        if (c == '(')
            depth++;
        else if (c == ')' && depth > 0)
            depth--;
        else if (c == '\\' && depth > 0 && in->len > 1)
            *in = slice_from(*in, 1);
        else if (depth == 0 && strchr(SLICE_SPACE, c) == NULL)
            return;
        else if (c == '\0' && depth == 0)
            return;
        *in = slice_from(*in, 1);
    }
}

static bool is_token_char(char c)
{
    return (unsigned char)c > ' ' && c != 127 && strchr("()<>@,;:\\\"/[]?=", c) == NULL;
}

static bool next_token(struct slice *in, struct slice *ret)
{
    skip_blank(in);
    size_t len = 0;
    while (len < in->len && is_token_char(in->s[len]))
        len++;
    *ret = slice_first(*in, len);
    *in = slice_from(*in, len);
    return len > 0;
}

static bool next_char(struct slice *in, char c)
{
    skip_blank(in);
    if (in->len == 0 || in->s[0] != c)
        return false;
    *in = slice_from(*in, 1);
    return true;
}

/* A parameter's value into OUT: a quoted string, or bytes up to ; or white space, because unquoted
 * boundaries with characters that want quotes are common. */
static void next_value(struct slice *in, struct strbuf *out)
{
    if (next_char(in, '"')) {
        while (in->len > 0 && in->s[0] != '"') {
            if (in->s[0] == '\\' && in->len > 1)
                *in = slice_from(*in, 1);
            if (in->s[0] != '\r' && in->s[0] != '\n')
                strbuf_add_char(out, in->s[0]);
            *in = slice_from(*in, 1);
        }
        *in = slice_from(*in, 1);
        return;
    }
    while (in->len > 0 && in->s[0] != ';' && in->s[0] != '(' && (unsigned char)in->s[0] > ' ') {
        strbuf_add_char(out, in->s[0]);
        *in = slice_from(*in, 1);
    }
}

static void skip_to_semicolon(struct slice *in)
{
    while (in->len > 0 && in->s[0] != ';') {
        skip_blank(in);
        if (in->len > 0 && in->s[0] == '"') {
            CLEANUP(strbuf_done) struct strbuf ignored = STRBUF_INIT(0);
            next_value(in, &ignored);
        } else if (in->len > 0 && in->s[0] != ';') {
            *in = slice_from(*in, 1);
        }
    }
}

void mime_value_type(struct slice value, struct mime_type *ret, struct strbuf *ret_boundary)
{
    *ret = (struct mime_type){SLICE_EMPTY, SLICE_EMPTY};
    struct slice type, subtype, name;
    if (!next_token(&value, &type) || !next_char(&value, '/') || !next_token(&value, &subtype))
        return;
    *ret = (struct mime_type){type, subtype};
    for (skip_to_semicolon(&value); next_char(&value, ';'); skip_to_semicolon(&value)) {
        if (!next_token(&value, &name) || !next_char(&value, '='))
            continue;
        if (!slice_eq_nocase(name, "boundary"))
            continue;
        skip_blank(&value);
        strbuf_reset(ret_boundary);
        next_value(&value, ret_boundary);
        return;
    }
}

enum mime_encoding mime_value_encoding(struct slice value)
{
    static const char *const names[] = {"7bit", "8bit", "binary", "quoted-printable", "base64"};
    struct slice word;
    if (!next_token(&value, &word))
        return MIME_ENCODING_UNKNOWN;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (slice_eq_nocase(word, names[i]))
            return (enum mime_encoding)i;
    }
    return MIME_ENCODING_UNKNOWN;
}
