#include "base/slice.h"

#include "base/xmem.h"

#include <strings.h>

bool slice_same(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.s, b.s, a.len) == 0);
}

bool slice_same_nocase(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || strncasecmp(a.s, b.s, a.len) == 0);
}

bool slice_eq(struct slice a, const char *b)
{
    return slice_same(a, slice_of(b));
}

bool slice_eq_nocase(struct slice a, const char *b)
{
    return slice_same_nocase(a, slice_of(b));
}

bool slice_starts(struct slice a, const char *prefix)
{
    struct slice p = slice_of(prefix);
    return a.len >= p.len && slice_same(slice_first(a, p.len), p);
}

bool slice_starts_nocase(struct slice a, const char *prefix)
{
    struct slice p = slice_of(prefix);
    return a.len >= p.len && slice_same_nocase(slice_first(a, p.len), p);
}

bool slice_ends(struct slice a, const char *suffix)
{
    struct slice p = slice_of(suffix);
    return a.len >= p.len && slice_same(slice_from(a, a.len - p.len), p);
}

bool slice_ends_nocase(struct slice a, const char *suffix)
{
    struct slice p = slice_of(suffix);
    return a.len >= p.len && slice_same_nocase(slice_from(a, a.len - p.len), p);
}

static bool slice_is_space(char c)
{
    return c && strchr(SLICE_SPACE, c);
}

struct slice slice_trim_left(struct slice a)
{
    while (a.len > 0 && slice_is_space(*a.s))
        a = slice_from(a, 1);
    return a;
}

struct slice slice_trim_right(struct slice a)
{
    while (a.len > 0 && slice_is_space(a.s[a.len - 1]))
        a.len--;
    return a;
}

struct slice slice_trim(struct slice a)
{
    return slice_trim_right(slice_trim_left(a));
}

size_t slice_find(struct slice a, char c)
{
    const char *at = a.len ? memchr(a.s, c, a.len) : NULL;
    return at ? (size_t)(at - a.s) : SIZE_MAX;
}

size_t slice_rfind(struct slice a, char c)
{
    const char *at = a.len ? memrchr(a.s, c, a.len) : NULL;
    return at ? (size_t)(at - a.s) : SIZE_MAX;
}

static bool slice_split_at(struct slice a, size_t at, struct slice *ret_before,
                           struct slice *ret_after)
{
    if (at == SIZE_MAX)
        return false;
    struct slice before = slice_first(a, at), after = slice_from(a, at + 1);
    *ret_before = before;
    *ret_after = after;
    return true;
}

bool slice_split(struct slice a, char c, struct slice *ret_before, struct slice *ret_after)
{
    return slice_split_at(a, slice_find(a, c), ret_before, ret_after);
}

bool slice_rsplit(struct slice a, char c, struct slice *ret_before, struct slice *ret_after)
{
    return slice_split_at(a, slice_rfind(a, c), ret_before, ret_after);
}

static bool is_one_of(char c, const char *set)
{
    for (; *set; set++)
        if (*set == c)
            return true;
    return false;
}

bool slice_next_token(struct slice *in, const char *separators, struct slice *ret_word)
{
    struct slice a = *in;
    while (a.len > 0 && is_one_of(*a.s, separators))
        a = slice_from(a, 1);
    size_t len = 0;
    while (len < a.len && !is_one_of(a.s[len], separators))
        len++;
    *in = slice_from(a, len);
    if (len == 0)
        return false;
    *ret_word = slice_first(a, len);
    return true;
}

bool slice_next_item(struct slice *in, struct slice *ret_item)
{
    static const char separators[] = ", \t\r\n";
    struct slice a = *in;
    while (a.len > 0 && is_one_of(*a.s, separators))
        a = slice_from(a, 1);
    size_t len = 0;
    int depth = 0;
    for (; len < a.len; len++) {
        char c = a.s[len];
        if (c == '{')
            depth++;
        else if (c == '}' && depth > 0)
            depth--;
        else if (depth == 0 && c && strchr(separators, c))
            break;
    }
    *in = slice_from(a, len);
    if (len == 0)
        return false;
    *ret_item = slice_first(a, len);
    return true;
}

bool slice_next_line(struct slice *in, struct slice *ret_line)
{
    if (in->len == 0)
        return false;
    struct slice line, rest;
    if (!slice_split(*in, '\n', &line, &rest)) {
        line = *in;
        rest = slice_from(*in, in->len);
    }
    if (line.len > 0 && line.s[line.len - 1] == '\r')
        line.len--;
    *ret_line = line;
    *in = rest;
    return true;
}

bool slice_has_nul(struct slice a)
{
    return slice_find(a, 0) != SIZE_MAX;
}

char *slice_dup(struct slice a)
{
    return xstrndup(a.s, a.len);
}
