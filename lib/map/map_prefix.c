/* map_prefix: see the header. */
#include "map/map_prefix.h"

#include <ctype.h>

static bool is_plain(char c)
{
    return isalnum((unsigned char)c) || (c && strchr("-_@:;,=/%&!~'\"<> ", c));
}

/* Length of the element at the front of A that stands for one byte of text, put into *RET; 0: it is
 * something else. */
static size_t take_plain(struct slice a, char *ret)
{
    if (a.len > 1 && a.s[0] == '\\' && ispunct((unsigned char)a.s[1]) && a.s[1] != '<' &&
        a.s[1] != '>' && a.s[1] != '`' &&
        a.s[1] != '\'') { /* which some engines take for anchors */
        *ret = a.s[1];
        return 2;
    }
    if (a.len > 0 && is_plain(a.s[0])) {
        *ret = a.s[0];
        return 1;
    }
    return 0;
}

struct map_prefix map_prefix_of(struct slice pattern, bool is_caseless)
{
    struct map_prefix prefix = {.is_caseless = is_caseless};
    /* an alternative may begin otherwise; where the "|" is does not matter enough to find out */
    if (pattern.len == 0 || pattern.s[0] != '^' || slice_find(pattern, '|') != SIZE_MAX)
        return prefix;
    struct slice rest = slice_from(pattern, 1);
    char c;
    for (size_t len; prefix.len < sizeof prefix.text && (len = take_plain(rest, &c)) > 0;) {
        rest = slice_from(rest, len);
        if (rest.len > 0 && strchr("*+?{", rest.s[0]))
            break; /* it may occur some other number of times */
        prefix.text[prefix.len++] = (char)(is_caseless ? tolower((unsigned char)c) : c);
    }
    return prefix;
}

bool map_prefix_allows(const struct map_prefix *prefix, const char *key)
{
    for (size_t i = 0; i < prefix->len; i++) {
        unsigned char c = (unsigned char)key[i];
        /* in Unicode a letter beyond ASCII may be another case of one within (K, the kelvin) */
        if (c >= 0x80)
            return true;
        if ((prefix->is_caseless ? tolower(c) : c) != (unsigned char)prefix->text[i])
            return false; /* also at the end of the key */
    }
    return true;
}
