#include "qmqpd/qmqpd_read.h"

enum { DIGITS_MAX = 18 };

const char *qmqpd_part_name(enum qmqpd_part part)
{
    static const char *const names[] = {"QMQP packet header", "message content", "sender address",
                                        "recipient address"};
    return names[part];
}

/* N bytes of the whole are used. False: it has no more. */
static bool use(struct qmqpd_reader *r, struct slice *in, size_t n)
{
    *in = slice_from(*in, n);
    if (r->part == QMQPD_HEADER)
        return true;
    if (n > r->outer)
        return false;
    r->outer -= n;
    return true;
}

static uint64_t limit_of(const struct qmqpd_reader *r)
{
    if (r->part == QMQPD_CONTENT)
        return r->content_max > 0 ? r->content_max : UINT64_MAX;
    return r->part == QMQPD_HEADER ? UINT64_MAX : r->address_max;
}

/* The length has been read. */
static enum qmqpd_status begin_data(struct qmqpd_reader *r)
{
    if (r->digits == 0)
        return QMQPD_BAD;
    if (r->length > limit_of(r))
        return QMQPD_TOO_LONG;
    r->digits = 0;
    if (r->part == QMQPD_HEADER) {
        r->outer = r->length;
        r->length = 0;
        r->part = QMQPD_CONTENT;
        return QMQPD_MORE;
    }
    if (r->length >= r->outer) /* with the comma behind it */
        return QMQPD_BAD;
    r->is_in_data = true;
    return QMQPD_MORE;
}

/* "123:" in front of a string. */
static enum qmqpd_status read_length(struct qmqpd_reader *r, struct slice *in)
{
    while (in->len > 0) {
        char c = in->s[0];
        if (!use(r, in, 1))
            return QMQPD_BAD;
        if (c == ':')
            return begin_data(r);
        if (c < '0' || c > '9')
            return QMQPD_BAD;
        if (++r->digits > DIGITS_MAX)
            return QMQPD_TOO_LONG;
        r->length = r->length * 10 + (uint64_t)(c - '0');
    }
    return QMQPD_MORE;
}

/* The comma behind a string. */
static enum qmqpd_status end_data(struct qmqpd_reader *r, struct slice *in)
{
    char c = in->s[0];
    if (!use(r, in, 1) || c != ',')
        return QMQPD_BAD;
    r->is_in_data = false;
    r->length = 0;
    if (r->part < QMQPD_RECIPIENT)
        r->part++;
    return QMQPD_MORE;
}

static enum qmqpd_status read_content(struct qmqpd_reader *r, struct slice *in,
                                      struct slice *ret_data)
{
    if (r->length == 0)
        return end_data(r, in);
    *ret_data = slice_first(*in, (size_t)MIN(r->length, (uint64_t)in->len));
    r->length -= ret_data->len;
    r->given = QMQPD_CONTENT;
    use(r, in, ret_data->len);
    return QMQPD_DATA;
}

/* False: not all of it has come. */
static bool read_address(struct qmqpd_reader *r, struct slice *in, struct slice *ret_data,
                         enum qmqpd_status *ret)
{
    if (in->len < r->length + 1)
        return false;
    *ret_data = slice_first(*in, (size_t)r->length);
    r->given = r->part;
    use(r, in, ret_data->len);
    *ret = end_data(r, in) == QMQPD_BAD || slice_has_nul(*ret_data) ? QMQPD_BAD : QMQPD_DATA;
    return true;
}

enum qmqpd_status qmqpd_read(struct qmqpd_reader *r, struct slice *in, struct slice *ret_data)
{
    *ret_data = SLICE_EMPTY;
    while (in->len > 0) {
        enum qmqpd_status status;
        if (r->part == QMQPD_RECIPIENT && r->outer == 0 && !r->is_in_data && r->digits == 0)
            return in->s[0] == ',' ? QMQPD_DONE : QMQPD_BAD;
        if (!r->is_in_data) {
            status = read_length(r, in);
        } else if (r->part == QMQPD_CONTENT) {
            status = read_content(r, in, ret_data);
        } else if (!read_address(r, in, ret_data, &status)) {
            return QMQPD_MORE;
        }
        if (status != QMQPD_MORE)
            return status;
    }
    return QMQPD_MORE;
}
