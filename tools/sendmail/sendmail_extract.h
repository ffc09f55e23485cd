/* sendmail_extract: recipients from the headers To, Cc, Bcc (Resent-* when the message is resent),
 * -t. */
#ifndef SENDMAIL_SENDMAIL_EXTRACT_H
#define SENDMAIL_SENDMAIL_EXTRACT_H

#include "base/argv.h"
#include "base/strbuf.h"

struct sendmail_extract {
    struct strbuf header; /* the header being collected, with its continuation lines */
    struct argv plain, resent;
    bool in_body;
};
#define SENDMAIL_EXTRACT_INIT                                                                      \
    {                                                                                              \
        STRBUF_INIT(1 << 20), ARGV_INIT, ARGV_INIT, false                                          \
    }

/* Feed every line of the message, without line end. */
void sendmail_extract_line(struct sendmail_extract *e, struct slice line);
/* After the last line: the recipients that count. */
const struct argv *sendmail_extract_end(struct sendmail_extract *e);
void sendmail_extract_done(struct sendmail_extract *e);

#endif
