#include "base/text.h"

#include <ctype.h>

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void text_base64_encode(struct slice in, struct strbuf *out)
{
    while (in.len > 0) {
        size_t take = MIN(in.len, (size_t)3);
        unsigned char b[3] = {0};
        memcpy(b, in.s, take);
        char quad[4] = {base64_digits[b[0] >> 2], base64_digits[(b[0] & 3) << 4 | b[1] >> 4],
                        base64_digits[(b[1] & 15) << 2 | b[2] >> 6], base64_digits[b[2] & 63]};
        if (take < 3)
            quad[3] = '=';
        if (take < 2)
            quad[2] = '=';
        strbuf_add(out, quad, 4);
        in = slice_from(in, take);
    }
}

static int base64_value(char c)
{
    const char *at = c ? strchr(base64_digits, c) : NULL;
    return at ? (int)(at - base64_digits) : -1;
}

bool text_base64_decode(struct slice in, struct strbuf *out)
{
    if (in.len % 4 != 0)
        return false;
    for (; in.len > 0; in = slice_from(in, 4)) {
        int pad = in.len == 4 ? (in.s[3] == '=') + (in.s[3] == '=' && in.s[2] == '=') : 0;
        unsigned bits = 0;
        for (int i = 0; i < 4; i++) {
            int value = i >= 4 - pad ? 0 : base64_value(in.s[i]);
            if (value < 0)
                return false;
            bits = bits << 6 | (unsigned)value;
        }
        char bytes[3] = {(char)(bits >> 16), (char)(bits >> 8), (char)bits};
        strbuf_add(out, bytes, (size_t)(3 - pad));
    }
    return true;
}

void text_xtext_encode(struct slice in, struct strbuf *out)
{
    for (size_t i = 0; i < in.len; i++) {
        unsigned char c = (unsigned char)in.s[i];
        if (c > 32 && c < 127 && c != '+' && c != '=')
            strbuf_add_char(out, (char)c);
        else
            strbuf_addf(out, "+%02X", c);
    }
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

bool text_xtext_decode(struct slice in, struct strbuf *out)
{
    for (size_t i = 0; i < in.len; i++) {
        if (in.s[i] != '+') {
            strbuf_add_char(out, in.s[i]);
            continue;
        }
        if (in.len - i < 3)
            return false;
        int high = hex_value(in.s[i + 1]), low = hex_value(in.s[i + 2]);
        if (high < 0 || low < 0)
            return false;
        strbuf_add_char(out, (char)(high << 4 | low));
        i += 2;
    }
    return true;
}

/* Length of the well-formed UTF-8 sequence at the front of IN; 0 when there is none. */
static size_t utf8_sequence(struct slice in)
{
    const unsigned char *s = (const unsigned char *)in.s;
    static const struct {
        unsigned char low, high, second_low, second_high, len;
    } forms[] = {
        {0x00, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    for (size_t f = 0; f < COUNT_OF(forms); f++) {
        if (s[0] < forms[f].low || s[0] > forms[f].high)
            continue;
        if (in.len < forms[f].len)
            return 0;
        if (forms[f].len > 1 && (s[1] < forms[f].second_low || s[1] > forms[f].second_high))
            return 0;
        for (size_t i = 2; i < forms[f].len; i++)
            if (s[i] < 0x80 || s[i] > 0xbf)
                return 0;
        return forms[f].len;
    }
    return 0;
}

/* The code point of a well-formed sequence of LEN bytes. */
static uint32_t code_point(const char *s, size_t len)
{
    static const unsigned char lead[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t code = (unsigned char)s[0] & lead[len];
    for (size_t i = 1; i < len; i++)
        code = code << 6 | ((unsigned char)s[i] & 0x3fU);
    return code;
}

void text_utf8_xtext_encode(struct slice in, struct strbuf *out)
{
    while (in.len > 0) {
        size_t len = utf8_sequence(in);
        uint32_t code = len > 0 ? code_point(in.s, len) : '?';
        if (code > 32 && code < 127 && !strchr("+=\\", (int)code))
            strbuf_add_char(out, (char)code);
        else
            strbuf_addf(out, "\\x{%X}", (unsigned)code);
        in = slice_from(in, len > 0 ? len : 1);
    }
}

/* Length of the ASCII at the front; most text is nothing else. */
static size_t ascii_run(struct slice in)
{
    static const uint64_t high_bits = 0x8080808080808080U;
    size_t len = 0;
    for (uint64_t eight; in.len - len >= sizeof eight; len += sizeof eight) {
        memcpy(&eight, in.s + len, sizeof eight);
        if (eight & high_bits)
            break;
    }
    while (len < in.len && (unsigned char)in.s[len] < 0x80)
        len++;
    return len;
}

bool text_is_utf8(struct slice in)
{
    for (;;) {
        in = slice_from(in, ascii_run(in));
        if (in.len == 0)
            return true;
        size_t len = utf8_sequence(in);
        if (len == 0)
            return false;
        in = slice_from(in, len);
    }
}

bool text_is_ascii(struct slice in)
{
    return ascii_run(in) == in.len;
}

/* How many bytes at the front are printable ASCII. */
static size_t printable_run(struct slice in)
{
    size_t len = 0;
    while (len < in.len && in.s[len] >= ' ' && in.s[len] <= '~')
        len++;
    return len;
}

void text_add_printable(struct strbuf *out, struct slice in)
{
    while (in.len > 0) {
        size_t len = printable_run(in);
        if (len == 0 && (len = utf8_sequence(in)) <= 1)
            len = 0; /* a control byte, or no UTF-8 */
        if (len > 0)
            strbuf_add(out, in.s, len);
        else
            strbuf_add_char(out, '?');
        in = slice_from(in, len ? len : 1);
    }
}

void text_add_json(struct strbuf *out, struct slice in)
{
    CLEANUP(strbuf_done) struct strbuf clean = STRBUF_ANY;
    if (!text_is_utf8(in)) {
        text_add_printable(&clean, in);
        in = strbuf_slice(&clean);
    }
    strbuf_add_char(out, '"');
    size_t plain = 0;
    for (size_t i = 0; i < in.len; i++) {
        unsigned char c = (unsigned char)in.s[i];
        if (c >= ' ' && c != '"' && c != '\\' && c != 0x7f)
            continue;
        strbuf_add(out, in.s + plain, i - plain);
        plain = i + 1;
        if (c == '"' || c == '\\')
            strbuf_addf(out, "\\%c", c);
        else
            strbuf_addf(out, "\\u%04x", c);
    }
    strbuf_add(out, in.s + plain, in.len - plain);
    strbuf_add_char(out, '"');
}

void text_add_escaped(struct strbuf *out, struct slice in)
{
    static const char letters[] = "\aa\bb\ff\nn\rr\tt\vv\\\\";
    for (size_t i = 0; i < in.len; i++) {
        unsigned char c = (unsigned char)in.s[i];
        const char *pair = NULL;
        for (const char *p = letters; *p && !pair; p += 2)
            if ((unsigned char)*p == c)
                pair = p;
        if (pair)
            strbuf_addf(out, "\\%c", pair[1]);
        else if (c >= 32 && c < 127)
            strbuf_add_char(out, (char)c);
        else
            strbuf_addf(out, "\\%03o", c);
    }
}

/* Eight bytes at once: those from A to Z get the bit that makes them small. */
static uint64_t fold_eight(uint64_t in)
{
    const uint64_t ones = 0x0101010101010101U, high = 0x80 * ones;
    uint64_t low = in & ~high; /* so that no sum runs over into the next byte */
    uint64_t from_a = low + (0x80 - 'A') * ones, past_z = low + (0x7f - 'Z') * ones;
    return in | ((from_a & ~past_z & ~in & high) >> 2);
}

void text_fold_case(struct strbuf *out, struct slice in)
{
    size_t at = out->len, i = 0;
    strbuf_add_slice(out, in);
    char *s = out->s + at;
    size_t len = out->len - at;
    for (uint64_t eight; len - i >= sizeof eight; i += sizeof eight) {
        memcpy(&eight, s + i, sizeof eight);
        eight = fold_eight(eight);
        memcpy(s + i, &eight, sizeof eight);
    }
    for (; i < len; i++) {
        unsigned char c = (unsigned char)s[i];
        s[i] = (char)(c | ((unsigned char)(c - 'A') < 26) << 5);
    }
}
