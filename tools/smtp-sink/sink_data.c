#include "tools/smtp-sink/sink_data.h"

static void put(struct strbuf *text, const char *bytes, size_t len)
{
    if (text)
        strbuf_add(text, bytes, len);
}

/* The plain inside of a line goes in one piece; up to the next CR or LF. */
static size_t plain_length(struct slice in)
{
    size_t lf = slice_find(in, '\n');
    size_t len = lf == SIZE_MAX ? in.len : lf;
    size_t cr = slice_find(slice_first(in, len), '\r');
    return cr == SIZE_MAX ? len : cr;
}

/* One byte that is not in the inside of a line; true at the end of the data. */
static bool step(struct sink_data *data, char c, struct strbuf *text)
{
    bool after_dot = data->state == SINK_DOT_SEEN || data->state == SINK_DOT_CR;
    if (c == '\n') {
        if (!after_dot)
            put(text, "\n", 1);
        data->state = SINK_LINE_START;
        return after_dot;
    }
    /* a CR that no LF followed is text */
    if (data->state == SINK_CR || data->state == SINK_DOT_CR)
        put(text, "\r", 1);
    if (c == '\r') {
        data->state = data->state == SINK_DOT_SEEN ? SINK_DOT_CR : SINK_CR;
    } else if (c == '.' && data->state == SINK_LINE_START) {
        data->state = SINK_DOT_SEEN;
    } else {
        put(text, &c, 1);
        data->state = SINK_IN_LINE;
    }
    return false;
}

bool sink_data_feed(struct sink_data *data, struct slice *in, struct strbuf *text)
{
    while (in->len > 0) {
        if (data->state == SINK_IN_LINE) {
            size_t len = plain_length(*in);
            put(text, in->s, len);
            *in = slice_from(*in, len);
            if (in->len == 0)
                break;
        }
        char c = in->s[0];
        *in = slice_from(*in, 1);
        if (step(data, c, text))
            return true;
    }
    return false;
}
