#include "config/compat_level.h"

#include "base/num.h"

enum { PART_BITS = 10, PART_MOST = (1 << PART_BITS) - 1 };
#define MAJOR_MOST ((UINT64_C(1) << (63 - 2 * PART_BITS)) - 1)

/* Blanks or a "+" before a number do not matter. */
static bool parse_part(struct slice text, uint64_t most, uint64_t *ret)
{
    text = slice_trim_left(text);
    if (text.len > 0 && text.s[0] == '+')
        text = slice_from(text, 1);
    return num_parse_u64(text, 10, ret) && *ret <= most;
}

bool compat_level_parse(struct slice text, uint64_t *ret_level, struct err *err)
{
    uint64_t parts[3] = {0};
    struct slice rest = text, part;
    bool more = true, ok = true;
    for (size_t i = 0; ok && more && i < COUNT_OF(parts); i++) {
        more = slice_split(rest, '.', &part, &rest);
        if (!more)
            part = rest;
        ok = parse_part(part, i == 0 ? MAJOR_MOST : PART_MOST, &parts[i]);
    }
    if (!ok || more)
        return err_set(err, ERR_CONFIG, "malformed compatibility level syntax: \"%.*s\"",
                       SLICE_ARG(slice_first(text, 100)));
    *ret_level = ((parts[0] << PART_BITS | parts[1]) << PART_BITS) | parts[2];
    return true;
}

bool compat_level_is_below(const char *level, const char *limit)
{
    uint64_t a, b;
    return compat_level_parse(slice_of(level), &a, NULL) &&
           compat_level_parse(slice_of(limit), &b, NULL) && a < b;
}
