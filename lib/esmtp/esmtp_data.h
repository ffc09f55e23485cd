/*
 * esmtp_data: the content after DATA: lines without their dots and line ends, and where it ends.
 *
 * Pieces point into the input buffer; nothing is copied. STRICT accepts only CR LF . CR LF as the
 * end (RFC 5321, section 4.1.1.4), so that neither a lone LF nor a dot with CR CR LF behind it can
 * smuggle a second message past a relay that takes a different view; lines that end in a lone LF
 * are lines all the same.
 */
#ifndef ESMTP_ESMTP_DATA_H
#define ESMTP_ESMTP_DATA_H

#include "base/slice.h"

struct esmtp_data {
    bool strict;      /* the end needs CR LF on both sides of the dot */
    size_t line_max;  /* longer lines come in several pieces */
    bool in_line;     /* the last piece did not end its line */
    bool after_crlf;  /* the last line ended in CR LF (true at the start) */
    bool saw_bare_lf; /* some line ended in a lone LF */
};

enum esmtp_data_status {
    ESMTP_DATA_LINE, /* a line, or the last piece of one */
    ESMTP_DATA_PART, /* a piece; the line goes on */
    ESMTP_DATA_MORE, /* the input ends before the next piece does */
    ESMTP_DATA_END,  /* the final dot; what follows it is left in *IN */
};

void esmtp_data_init(struct esmtp_data *d, bool strict, size_t line_max);
/* Take the next piece off the front of *IN. */
enum esmtp_data_status esmtp_data_next(struct esmtp_data *d, struct slice *in,
                                       struct slice *ret_piece);

/* A whole line that says nothing but itself, as most do: no dot in front, one CR LF behind. False:
 * esmtp_data_next() tells what it is. */
static inline bool esmtp_data_plain(struct esmtp_data *d, struct slice *in, struct slice *ret_line)
{
    size_t scan = MIN(in->len, d->line_max + 2);
    const char *lf = scan > 2 && !d->in_line ? memchr(in->s, '\n', scan) : NULL;
    if (!lf || lf - in->s < 2 || lf[-1] != '\r' || lf[-2] == '\r' || in->s[0] == '.')
        return false;
    *ret_line = (struct slice){in->s, (size_t)(lf - in->s) - 1};
    in->len -= (size_t)(lf + 1 - in->s);
    in->s = lf + 1;
    d->after_crlf = true;
    return true;
}

#endif
