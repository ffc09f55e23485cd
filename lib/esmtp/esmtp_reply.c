/* Replies of a server, line by line. */
#include "esmtp/esmtp_reply.h"

#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

int esmtp_reply_code(const char *text)
{
    if (!text || !is_digit(text[0]) || !is_digit(text[1]) || !is_digit(text[2]))
        return 0;
    return (text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0');
}

size_t esmtp_reply_dsn_length(struct slice text)
{
    if (text.len < 5 || (text.s[0] != '2' && text.s[0] != '4' && text.s[0] != '5') ||
        text.s[1] != '.')
        return 0;
    size_t at = 2;
    for (int part = 0; part < 2; part++) {
        size_t digits = 0;
        while (at < text.len && digits < 3 && is_digit(text.s[at])) {
            at++;
            digits++;
        }
        if (digits == 0)
            return 0;
        if (part == 0 && (at >= text.len || text.s[at++] != '.'))
            return 0;
    }
    return at == text.len || text.s[at] == ' ' ? at : 0;
}

static void reply_add_line(struct strbuf *out, const char *code, bool is_last, struct slice text)
{
    strbuf_add(out, code, 3);
    strbuf_add_char(out, is_last ? ' ' : '-');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.s[i];
        strbuf_add_char(out, c < ' ' || c == 127 ? '?' : (char)c);
    }
    strbuf_add_str(out, "\r\n");
}

void esmtp_reply_copy(const char *text, bool soft, struct strbuf *out)
{
    struct slice rest = slice_of(text), line;
    while (slice_next_line(&rest, &line)) {
        char code[4] = "   ";
        memcpy(code, line.s, MIN(line.len, (size_t)3));
        line = slice_from(line, 4);
        bool is_soft = soft && code[0] == '5';
        CLEANUP(strbuf_done) struct strbuf copy = STRBUF_ANY;
        strbuf_add_slice(&copy, line);
        if (is_soft && esmtp_reply_dsn_length(line))
            copy.s[0] = '4';
        if (is_soft)
            code[0] = '4';
        reply_add_line(out, code, rest.len == 0, strbuf_slice(&copy));
    }
}

void esmtp_reply_format(const char *text, bool soft, const char *footer, struct strbuf *out)
{
    char code[4] = "";
    memcpy(code, text, 3);
    struct slice rest = slice_of(text + 3);
    if (rest.len && rest.s[0] == ' ')
        rest = slice_from(rest, 1);
    char dsn[16] = "";
    size_t dsn_length = esmtp_reply_dsn_length(rest);
    if (dsn_length && dsn_length < sizeof dsn - 1)
        memcpy(dsn, rest.s, dsn_length);
    if (soft && code[0] == '5')
        code[0] = '4';
    if (dsn_length)
        rest = slice_from(rest, dsn_length);
    if (soft && dsn[0] == '5')
        dsn[0] = '4';

    struct slice footers = slice_of(footer), line;
    bool first = true;
    bool more = true;
    while (more) {
        struct slice after;
        if (slice_split(rest, '\n', &line, &after)) {
            rest = after;
        } else {
            line = rest;
            more = false;
        }
        CLEANUP(strbuf_done) struct strbuf whole = STRBUF_ANY;
        if (first)
            strbuf_add_str(&whole, dsn);
        strbuf_add_slice(&whole, line);
        reply_add_line(out, code, !more && footers.len == 0, strbuf_slice(&whole));
        first = false;
    }
    while (slice_next_line(&footers, &line)) {
        CLEANUP(strbuf_done) struct strbuf whole = STRBUF_ANY;
        if (dsn[0])
            strbuf_addf(&whole, "%s ", dsn);
        strbuf_add_slice(&whole, line);
        reply_add_line(out, code, footers.len == 0, strbuf_slice(&whole));
    }
}
