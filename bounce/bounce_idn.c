/* Punycode (RFC 3492), decoding only: the texts for people show xn-- names as they are meant. */
#include "bounce/bounce_template.h"

#include <string.h>

enum {
    BASE = 36,
    TMIN = 1,
    TMAX = 26,
    SKEW = 38,
    DAMP = 700,
    BIAS = 72,
    FIRST = 128,
    LABEL_MAX = 63,
    CODE_MAX = 0x10FFFF
};

static int digit_of(char c)
{
    if (c >= 'a' && c <= 'z')
        return c - 'a';
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    return c >= '0' && c <= '9' ? c - '0' + 26 : -1;
}

static uint32_t adapt(uint32_t delta, uint32_t points, bool is_first)
{
    uint32_t k = 0;
    delta = is_first ? delta / DAMP : delta / 2;
    for (delta += delta / points; delta > ((BASE - TMIN) * TMAX) / 2; k += BASE)
        delta /= BASE - TMIN;
    return k + (BASE - TMIN + 1) * delta / (delta + SKEW);
}

/* One generalized variable-length integer off the front of *IN, added to *I. */
static bool take_delta(struct slice *in, uint32_t bias, uint32_t *i)
{
    uint64_t weight = 1, sum = *i;
    for (uint32_t k = BASE;; k += BASE) {
        int digit = in->len > 0 ? digit_of(in->s[0]) : -1;
        if (digit < 0)
            return false;
        *in = slice_from(*in, 1);
        sum += (uint64_t)digit * weight;
        if (sum > UINT32_MAX)
            return false;
        uint32_t t = k <= bias ? TMIN : k >= bias + TMAX ? TMAX : k - bias;
        if ((uint32_t)digit < t)
            break;
        weight *= BASE - t;
        if (weight > UINT32_MAX)
            return false;
    }
    *i = (uint32_t)sum;
    return true;
}

static void add_utf8(struct strbuf *out, uint32_t c)
{
    if (c < 0x80) {
        strbuf_add_char(out, (char)c);
    } else if (c < 0x800) {
        strbuf_add_char(out, (char)(0xC0 | c >> 6));
        strbuf_add_char(out, (char)(0x80 | (c & 0x3F)));
    } else if (c < 0x10000) {
        strbuf_add_char(out, (char)(0xE0 | c >> 12));
        strbuf_add_char(out, (char)(0x80 | (c >> 6 & 0x3F)));
        strbuf_add_char(out, (char)(0x80 | (c & 0x3F)));
    } else {
        strbuf_add_char(out, (char)(0xF0 | c >> 18));
        strbuf_add_char(out, (char)(0x80 | (c >> 12 & 0x3F)));
        strbuf_add_char(out, (char)(0x80 | (c >> 6 & 0x3F)));
        strbuf_add_char(out, (char)(0x80 | (c & 0x3F)));
    }
}

/* IN is what follows xn--. */
static bool decode_label(struct slice in, struct strbuf *out)
{
    uint32_t points[LABEL_MAX], count = 0, code = FIRST, i = 0, bias = BIAS;
    size_t dash = slice_rfind(in, '-');
    if (in.len > LABEL_MAX)
        return false;
    if (dash != SIZE_MAX && dash > 0) {
        while (count < dash) {
            points[count] = (unsigned char)in.s[count];
            count++;
        }
        in = slice_from(in, dash + 1);
    }
    while (in.len > 0) {
        uint32_t before = i;
        if (count == LABEL_MAX || !take_delta(&in, bias, &i))
            return false;
        bias = adapt(i - before, count + 1, before == 0);
        uint32_t turns = i / (count + 1);
        if (turns > CODE_MAX - code)
            return false;
        code += turns;
        i %= count + 1;
        if (code >= 0xD800 && code <= 0xDFFF)
            return false;
        memmove(points + i + 1, points + i, (count - i) * sizeof *points);
        points[i++] = code;
        count++;
    }
    for (uint32_t n = 0; n < count; n++)
        add_utf8(out, points[n]);
    return true;
}

void bounce_idn_to_utf8(struct slice domain, struct strbuf *out)
{
    for (;;) {
        struct slice label = domain, rest = SLICE_EMPTY;
        bool more = slice_split(domain, '.', &label, &rest);
        size_t mark = out->len;
        if (!slice_starts_nocase(label, "xn--") || !decode_label(slice_from(label, 4), out)) {
            strbuf_truncate(out, mark);
            strbuf_add_slice(out, label);
        }
        if (!more)
            return;
        strbuf_add_char(out, '.');
        domain = rest;
    }
}
