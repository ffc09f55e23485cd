/*
 * esmtp_reply_parse: a server's reply as a client reads it (RFC 5321, section 4.2; RFC 2034).
 *
 * Fed line by line from whatever buffer the client has; memory is bounded: of a reply longer than
 * ESMTP_REPLY_TEXT_MAX only the beginning is kept, and a reply of more than ESMTP_REPLY_LINES_MAX
 * lines is an error.
 */
#ifndef ESMTP_ESMTP_REPLY_PARSE_H
#define ESMTP_ESMTP_REPLY_PARSE_H

#include "base/strbuf.h"

enum {
    ESMTP_REPLY_TEXT_MAX = 16 * 1024,
    ESMTP_REPLY_LINES_MAX = 1000,
    ESMTP_REPLY_LINE_MAX = 4096
};

struct esmtp_reply {
    int code;           /* 200..599; of the last line, as the lines of a well-formed reply agree */
    char dsn[16];       /* "5.1.1" when the last line has one whose class fits the code, else "" */
    struct strbuf text; /* all lines, as received ("550 5.1.1 ..." "250-..."), separated by LF */
    size_t lines;
};

void esmtp_reply_init(struct esmtp_reply *reply);
void esmtp_reply_done(struct esmtp_reply *reply);
void esmtp_reply_reset(struct esmtp_reply *reply); /* for the next reply, memory kept */

enum esmtp_reply_status {
    ESMTP_REPLY_READY, /* one whole reply; *IN is after it */
    ESMTP_REPLY_MORE,  /* what is in *IN ends within it; lines already seen were taken off */
    ESMTP_REPLY_BAD,   /* no reply: garbage, a code outside 200..599, too many lines */
};
/* Take lines off the front of *IN until a reply is complete. Lines without a code are taken as
 * continuation when a reply has begun, as lenient clients do. Long lines are cut. */
enum esmtp_reply_status esmtp_reply_parse(struct esmtp_reply *reply, struct slice *in);

/* Take one line off *IN, without its end, cut to ESMTP_REPLY_LINE_MAX; false when its end has not
 * come yet. */
bool esmtp_reply_take_line(struct slice *in, struct slice *ret_line);

/* The text on one line for log lines and bounces: lines joined by a blank, code and enhanced code
 * of the first line kept, those of the others left out; control bytes become '?'. */
void esmtp_reply_one_line(const struct esmtp_reply *reply, struct strbuf *out);
/* The lines one by one without code and separator ("PIPELINING"): for EHLO. *REST starts as
 * strbuf_slice(&reply->text). False at the end. */
bool esmtp_reply_next_line(struct slice *rest, struct slice *ret_line);

#endif
