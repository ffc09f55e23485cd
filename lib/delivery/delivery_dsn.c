/* Enhanced status codes (RFC 3463) in front of a text. */
#include "delivery/delivery.h"

static bool take_number(struct slice *in, size_t max_digits)
{
    size_t digits = 0;
    while (digits < in->len && in->s[digits] >= '0' && in->s[digits] <= '9')
        digits++;
    *in = slice_from(*in, digits);
    return digits >= 1 && digits <= max_digits;
}

static bool take_dot(struct slice *in)
{
    if (in->len == 0 || in->s[0] != '.')
        return false;
    *in = slice_from(*in, 1);
    return true;
}

bool delivery_split_dsn(struct slice text, struct slice *ret_dsn, struct slice *ret_text)
{
    *ret_dsn = SLICE_EMPTY;
    *ret_text = text;
    struct slice rest = text;
    if (rest.len == 0 || (rest.s[0] != '2' && rest.s[0] != '4' && rest.s[0] != '5'))
        return false;
    if (!take_number(&rest, 1) || !take_dot(&rest) || !take_number(&rest, 3) || !take_dot(&rest) ||
        !take_number(&rest, 3))
        return false;
    if (rest.len > 0 && rest.s[0] != ' ' && rest.s[0] != '\t')
        return false;
    *ret_dsn = slice_first(text, text.len - rest.len);
    *ret_text = slice_trim_left(rest);
    return true;
}
