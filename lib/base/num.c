#include "base/num.h"

bool num_parse_u64(struct slice text, unsigned base, uint64_t *ret_value)
{
    uint64_t value = 0;
    if (text.len == 0)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.s[i];
        unsigned digit;
        if (c >= '0' && c <= '9')
            digit = (unsigned)(c - '0');
        else if (c >= 'a' && c <= 'z')
            digit = (unsigned)(c - 'a') + 10;
        else if (c >= 'A' && c <= 'Z')
            digit = (unsigned)(c - 'A') + 10;
        else
            return false;
        if (digit >= base || __builtin_mul_overflow(value, (uint64_t)base, &value) ||
            __builtin_add_overflow(value, (uint64_t)digit, &value))
            return false;
    }
    *ret_value = value;
    return true;
}

bool num_parse_i64(struct slice text, int64_t *ret_value)
{
    bool negative = text.len > 0 && text.s[0] == '-';
    uint64_t value;
    if (text.len > 0 && (text.s[0] == '-' || text.s[0] == '+'))
        text = slice_from(text, 1);
    if (!num_parse_u64(text, 10, &value) || value > INT64_MAX)
        return false;
    *ret_value = negative ? -(int64_t)value : (int64_t)value;
    return true;
}

bool num_parse_seconds(struct slice text, char unit, int64_t *ret_seconds)
{
    static const struct {
        char unit;
        int64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
    if (text.len > 0) {
        char last = text.s[text.len - 1];
        if (!(last >= '0' && last <= '9')) {
            unit = last;
            text.len--;
        }
    }
    int64_t value;
    if (!num_parse_i64(text, &value) || value < 0)
        return false;
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        if ((unit | 0x20) == units[i].unit)
            return !__builtin_mul_overflow(value, units[i].seconds, ret_seconds);
    }
    return false;
}
