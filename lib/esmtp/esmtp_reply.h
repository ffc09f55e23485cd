/*
 * esmtp_reply: a server's reply, and how it is written to the wire.
 *
 * The text begins with the reply code and, where there is one, the enhanced status code:
 * "250 2.1.0 Ok". Lines of a longer reply are separated by LF, the code being on the first one
 * only.
 */
#ifndef ESMTP_ESMTP_REPLY_H
#define ESMTP_ESMTP_REPLY_H

#include "base/strbuf.h"

struct reply {
    const char *text; /* lives as long as the reply is of use; NULL when pending or silent */
    bool is_pending;  /* the answer comes later */
    bool is_silent;   /* nothing to say (a phase has begun) */
    bool disconnects; /* close after it */
    bool is_exempt;   /* soft_bounce and the reject footer leave it alone */
    bool is_innocent; /* does not count as an error of the client */
    bool is_raw;      /* each line of the text has its code: another server's reply */
};

static inline struct reply reply_text(const char *text)
{
    return (struct reply){.text = text};
}
static inline struct reply reply_pending(void)
{
    return (struct reply){.is_pending = true};
}
static inline struct reply reply_silent(void)
{
    return (struct reply){.is_silent = true};
}
static inline struct reply reply_and_close(const char *text)
{
    return (struct reply){.text = text, .disconnects = true};
}

/* The reply code of a text, 0 when it has none. */
int esmtp_reply_code(const char *text);
/* Length of an enhanced status code "d.ddd.ddd" at the front of TEXT, 0 when there is none. */
size_t esmtp_reply_dsn_length(struct slice text);
/* Append the reply with its line ends. SOFT turns 5xx 5.x.x into 4xx 4.x.x. FOOTER (may be NULL)
 * adds lines, each with the reply's codes. Control bytes in the text become '?'. */
void esmtp_reply_format(const char *text, bool soft, const char *footer, struct strbuf *out);
/* The lines of another server's reply as they are, but for control bytes and SOFT. */
void esmtp_reply_copy(const char *text, bool soft, struct strbuf *out);

#endif
