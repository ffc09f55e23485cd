/* Replies as a client reads them. */
#include "esmtp/esmtp_reply_parse.h"

#include "esmtp/esmtp_reply.h"

#include <string.h>

void esmtp_reply_init(struct esmtp_reply *reply)
{
    *reply = (struct esmtp_reply){0};
    strbuf_init(&reply->text, ESMTP_REPLY_TEXT_MAX);
}

void esmtp_reply_done(struct esmtp_reply *reply)
{
    strbuf_done(&reply->text);
}

void esmtp_reply_reset(struct esmtp_reply *reply)
{
    reply->code = 0;
    reply->lines = 0;
    reply->dsn[0] = 0;
    strbuf_reset(&reply->text);
}

/* Code and separator at the front of LINE: "250 ", "250-", or "250" alone. */
static bool line_code(struct slice line, int *ret_code, bool *ret_more)
{
    if (line.len < 3)
        return false;
    char digits[4] = {line.s[0], line.s[1], line.s[2], 0};
    int code = esmtp_reply_code(digits);
    if (code < 200 || code > 599)
        return false;
    char separator = line.len > 3 ? line.s[3] : ' ';
    if (separator != ' ' && separator != '-')
        return false;
    *ret_code = code;
    *ret_more = separator == '-';
    return true;
}

static void reply_set_dsn(struct esmtp_reply *reply, struct slice line)
{
    struct slice text = slice_trim_left(slice_from(line, 4));
    size_t length = esmtp_reply_dsn_length(text);
    reply->dsn[0] = 0;
    if (length == 0 || length >= sizeof reply->dsn || text.s[0] - '0' != reply->code / 100)
        return;
    memcpy(reply->dsn, text.s, length);
    reply->dsn[length] = 0;
}

bool esmtp_reply_take_line(struct slice *in, struct slice *ret_line)
{
    const char *lf = in->len ? memchr(in->s, '\n', in->len) : NULL;
    size_t size;
    if (lf)
        size = (size_t)(lf - in->s) + 1;
    else if (in->len > ESMTP_REPLY_LINE_MAX)
        size = ESMTP_REPLY_LINE_MAX;
    else
        return false;
    *ret_line = slice_first(slice_trim_right(slice_first(*in, size)), ESMTP_REPLY_LINE_MAX);
    *in = slice_from(*in, size);
    return true;
}

enum esmtp_reply_status esmtp_reply_parse(struct esmtp_reply *reply, struct slice *in)
{
    struct slice line;
    while (esmtp_reply_take_line(in, &line)) {
        int code = 0;
        bool more = true;
        bool has_code = line_code(line, &code, &more);
        if (!has_code && reply->lines == 0)
            return ESMTP_REPLY_BAD;
        if (++reply->lines > ESMTP_REPLY_LINES_MAX)
            return ESMTP_REPLY_BAD;
        if (reply->text.len)
            strbuf_add_char(&reply->text, '\n');
        strbuf_add_slice(&reply->text, line);
        if (!has_code || more)
            continue;
        reply->code = code;
        reply_set_dsn(reply, line);
        return ESMTP_REPLY_READY;
    }
    return ESMTP_REPLY_MORE;
}

bool esmtp_reply_next_line(struct slice *rest, struct slice *ret_line)
{
    struct slice line;
    if (!slice_next_line(rest, &line))
        return false;
    int code;
    bool more;
    *ret_line = line_code(line, &code, &more) ? slice_from(line, 4) : line;
    return true;
}

void esmtp_reply_one_line(const struct esmtp_reply *reply, struct strbuf *out)
{
    struct slice rest = strbuf_slice(&reply->text), line;
    for (bool first = true; slice_next_line(&rest, &line); first = false) {
        int code;
        bool more;
        if (!first) {
            if (line_code(line, &code, &more))
                line = slice_trim_left(slice_from(line, 4));
            size_t dsn = esmtp_reply_dsn_length(line);
            line = slice_trim_left(slice_from(line, dsn));
            strbuf_add_char(out, ' ');
        }
        for (size_t i = 0; i < line.len; i++) {
            unsigned char c = (unsigned char)line.s[i];
            bool dash = first && i == 3 && c == '-';
            strbuf_add_char(out, dash ? ' ' : c < ' ' || c == 127 ? '?' : (char)c);
        }
    }
}
