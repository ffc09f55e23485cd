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

#include "base/copy.h"
#include "base/slice.h"

#include <string.h>

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

/* A whole line that says nothing but itself, as most do: no dot in front, one CR LF behind, at most
 * ESMTP_DATA_SHORT bytes. Copied to TO, which has room for ESMTP_DATA_ROOM; its length without CR
 * LF. 0: esmtp_data_next() tells what it is. */
enum { ESMTP_DATA_SHORT = 126, ESMTP_DATA_ROOM = ESMTP_DATA_SHORT + 2 };
static inline size_t esmtp_data_plain(struct esmtp_data *d, struct slice *in, char *to)
{
    size_t lf = copy_until(to, in->s, MIN(in->len, (size_t)ESMTP_DATA_ROOM), '\n');
    if (lf == SIZE_MAX || lf < 2 || lf > d->line_max + 1 || in->s[lf - 1] != '\r' ||
        in->s[lf - 2] == '\r' || in->s[0] == '.' || d->in_line)
        return 0;
    in->s += lf + 1;
    in->len -= lf + 1;
    d->after_crlf = true;
    return lf - 1;
}

/* The same for one that is longer, which is not copied: without CR LF. Empty: none. */
static inline struct slice esmtp_data_plain_long(struct esmtp_data *d, struct slice *in)
{
    size_t scan = MIN(in->len, d->line_max + 2);
    const char *lf = scan > ESMTP_DATA_SHORT ? memchr(in->s, '\n', scan) : NULL;
    size_t len = lf ? (size_t)(lf - in->s) : 0;
    if (len <= ESMTP_DATA_SHORT + 1 || lf[-1] != '\r' || lf[-2] == '\r' || in->s[0] == '.' ||
        d->in_line)
        return SLICE_EMPTY;
    struct slice line = {in->s, len - 1};
    in->s += len + 1;
    in->len -= len + 1;
    d->after_crlf = true;
    return line;
}

#endif
