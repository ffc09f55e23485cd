#include "local/local_tokens.h"

#include "mail/address.h"

#include <string.h>

/* The byte after a quoted string, a comment, or <...> that begins at AT; the end when unfinished.
 */
static size_t skip_quoted(struct slice in, size_t at)
{
    for (at++; at < in.len; at++) {
        if (in.s[at] == '\\')
            at++;
        else if (in.s[at] == '"')
            return at + 1;
    }
    return in.len;
}

static size_t skip_comment(struct slice in, size_t at)
{
    size_t depth = 0;
    for (; at < in.len; at++) {
        if (in.s[at] == '\\')
            at++;
        else if (in.s[at] == '(')
            depth++;
        else if (in.s[at] == ')' && --depth == 0)
            return at + 1;
    }
    return in.len;
}

static size_t skip_angle(struct slice in, size_t at)
{
    while (at < in.len && in.s[at] != '>')
        at = in.s[at] == '"' ? skip_quoted(in, at) : at + 1;
    return MIN(at + 1, in.len);
}

static size_t skip_one(struct slice in, size_t at)
{
    switch (in.s[at]) {
    case '"':
        return skip_quoted(in, at);
    case '\\':
        return MIN(at + 2, in.len);
    default:
        return at + 1;
    }
}

static bool is_separator(char c)
{
    return c == ',' || c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* "Full Name <address>": where the address stands, when one comes before the next comma. */
static bool find_angle(struct slice in, size_t *ret_start, size_t *ret_end)
{
    size_t at = 0;
    while (at < in.len && in.s[at] != ',' && in.s[at] != '\n') {
        if (in.s[at] == '<') {
            *ret_start = at;
            *ret_end = skip_angle(in, at);
            return true;
        }
        at = in.s[at] == '(' ? skip_comment(in, at) : skip_one(in, at);
    }
    return false;
}

/* Without quotes and backslashes. */
static void add_unquoted(struct slice raw, struct strbuf *out)
{
    for (size_t i = 0; i < raw.len; i++) {
        if (raw.s[i] == '\\' && i + 1 < raw.len)
            strbuf_add_char(out, raw.s[++i]);
        else if (raw.s[i] != '"')
            strbuf_add_char(out, raw.s[i]);
    }
}

/* Quotes around a command or file name are not part of it. A quoted string in front of an @ is a
 * local part. */
static enum local_token classify(struct slice raw, struct strbuf *out)
{
    static const char include[] = ":include:";
    if (raw.s[0] == '\\') {
        strbuf_reset(out);
        add_unquoted(slice_from(raw, 1), out);
        return LOCAL_TOKEN_MAILBOX;
    }
    bool is_quoted = raw.s[0] == '"' && skip_quoted(raw, 0) == raw.len;
    char first = is_quoted && raw.len > 1 ? raw.s[1] : raw.s[0];
    strbuf_reset(out);
    if (is_quoted || first == '|' || first == '/' || first == ':')
        add_unquoted(raw, out);
    if (first == '|') {
        strbuf_remove_front(out, 1);
        return LOCAL_TOKEN_COMMAND;
    }
    if (first == '/')
        return LOCAL_TOKEN_FILE;
    if (slice_starts_nocase(strbuf_slice(out), include)) {
        strbuf_remove_front(out, sizeof include - 1);
        return LOCAL_TOKEN_INCLUDE;
    }
    if (out->len == 0)
        address_to_internal(raw, out);
    return LOCAL_TOKEN_ADDRESS;
}

/* The raw text of the next item. */
static bool next_raw(struct slice *in, struct slice *ret_raw)
{
    size_t start = 0, end;
    while (start < in->len && (is_separator(in->s[start]) || in->s[start] == '('))
        start = in->s[start] == '(' ? skip_comment(*in, start) : start + 1;
    *in = slice_from(*in, start);
    if (in->len == 0)
        return false;
    bool may_be_phrase = !strchr("|/:\\", in->s[0]);
    bool is_plain_quoted = in->s[0] == '"' && in->len > 1 && strchr("|/:", in->s[1]);
    if (may_be_phrase && !is_plain_quoted && find_angle(*in, &start, &end)) {
        *ret_raw = slice_trim(slice_first(slice_from(*in, start + 1), end - start - 1));
        if (ret_raw->len > 0 && ret_raw->s[ret_raw->len - 1] == '>')
            ret_raw->len--;
        *in = slice_from(*in, end);
        return true;
    }
    for (end = 0; end < in->len && !is_separator(in->s[end]);)
        end = in->s[end] == '(' && may_be_phrase ? skip_comment(*in, end) : skip_one(*in, end);
    *ret_raw = slice_first(*in, end);
    *in = slice_from(*in, end);
    return true;
}

bool local_tokens_next(struct slice *in, enum local_token *ret_kind, struct strbuf *ret_text)
{
    struct slice raw;
    while (next_raw(in, &raw)) {
        if (raw.len == 0)
            continue;
        *ret_kind = classify(raw, ret_text);
        if (ret_text->len > 0)
            return true; /* <> and "" are no recipients */
    }
    return false;
}

bool local_tokens_next_line(struct slice *text, struct slice *ret_line)
{
    struct slice line;
    while (slice_next_line(text, &line)) {
        *ret_line = slice_trim(line);
        if (ret_line->len > 0 && ret_line->s[0] != '#')
            return true;
    }
    return false;
}
