/* Content lines of DATA. */
#include "esmtp/esmtp_data.h"

#include <string.h>

void esmtp_data_init(struct esmtp_data *d, bool strict, size_t line_max)
{
    *d = (struct esmtp_data){.strict = strict, .line_max = line_max, .after_crlf = true};
}

/* No line end within the limit: give out a piece of line_max bytes, but never the carriage return
 * that may belong to the line end still to come. */
static enum esmtp_data_status esmtp_data_part(struct esmtp_data *d, struct slice *in,
                                              struct slice *ret_piece)
{
    struct slice piece = slice_first(*in, d->line_max);
    size_t taken = piece.len;
    if (!d->in_line && piece.s[0] == '.')
        piece = slice_from(piece, 1);
    if (piece.len > 1 && piece.s[piece.len - 1] == '\r') {
        piece.len--;
        taken--;
    }
    *ret_piece = piece;
    *in = slice_from(*in, taken);
    d->in_line = true;
    return ESMTP_DATA_PART;
}

enum esmtp_data_status esmtp_data_next(struct esmtp_data *d, struct slice *in,
                                       struct slice *ret_piece)
{
    /* one byte more than a piece: the dot of a stuffed line does not count; two for CR LF */
    size_t scan = MIN(in->len, d->line_max + 3);
    const char *lf = scan ? memchr(in->s, '\n', scan) : NULL;
    if (!lf)
        return in->len > d->line_max + 2 ? esmtp_data_part(d, in, ret_piece) : ESMTP_DATA_MORE;

    struct slice line = {in->s, (size_t)(lf - in->s)};
    bool has_cr = line.len > 0 && line.s[line.len - 1] == '\r';
    /* "." CR CR LF is a dot and a CR to some, and the end to others: to us it is a line */
    bool is_exact = has_cr && (line.len < 2 || line.s[line.len - 2] != '\r');
    while (line.len > 0 && line.s[line.len - 1] == '\r')
        line.len--;

    bool starts_with_dot = !d->in_line && line.len > 0 && line.s[0] == '.';
    if (starts_with_dot && line.len == 1 && (!d->strict || (is_exact && d->after_crlf))) {
        *in = slice_from(*in, (size_t)(lf - in->s) + 1);
        return ESMTP_DATA_END;
    }
    if (starts_with_dot)
        line = slice_from(line, 1);
    if (!has_cr)
        d->saw_bare_lf = true;
    d->after_crlf = has_cr;
    d->in_line = false;
    *ret_piece = line;
    *in = slice_from(*in, (size_t)(lf - in->s) + 1);
    return ESMTP_DATA_LINE;
}
