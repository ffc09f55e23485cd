/* smtpd_proxy: what its two files share: smtpd_proxy.c has what the dialogue asks for,
 * smtpd_proxy_talk.c the conversation with the filter. */
#ifndef SMTPD_SMTPD_PROXY_PRIVATE_H
#define SMTPD_SMTPD_PROXY_PRIVATE_H

#include "esmtp/esmtp_reply_parse.h"
#include "io/connect.h"
#include "io/stream.h"
#include "smtpd/smtpd_proxy.h"

#define SMTPD_PROXY_TROUBLE "451 4.3.0 Error: queue file write error"

/* What the filter's next reply answers. */
enum smtpd_proxy_step {
    SMTPD_PROXY_CONNECTING,
    SMTPD_PROXY_GREETING,
    SMTPD_PROXY_HELLO,
    SMTPD_PROXY_XFORWARD,
    SMTPD_PROXY_MAIL,
    SMTPD_PROXY_RCPT,
    SMTPD_PROXY_DATA,
    SMTPD_PROXY_DOT,
    SMTPD_PROXY_IDLE,
    SMTPD_PROXY_CONTENT
};

struct smtpd_proxy {
    struct smtpd_session *s;
    struct connect *connect;
    struct stream *stream; /* NULL before the connection is there and after it is gone */
    bool is_dead;          /* trouble: nothing works any more */
    bool says_no_quit;     /* in the middle of content, or the filter said 421 */
    enum smtpd_proxy_step step;
    struct strbuf sent;   /* the command being answered */
    struct strbuf script; /* commands to come, a line each */
    size_t script_at;
    struct esmtp_reply reply;
    smtpd_next_fn next; /* who awaits the filter */
    struct strbuf records;
    bool in_line; /* of content */
    int file;     /* speed_adjust; -1: none */
    off_t file_at;
    bool is_late;             /* speed_adjust: the message is complete, now the filter gets it */
    struct strbuf recipients; /* speed_adjust: RCPT commands */
};

/* Connect, and say hello; NEXT is called when what is to be said was said. */
struct reply smtpd_proxy_dial(struct smtpd_proxy *p, smtpd_next_fn next);
/* Send LINE; NEXT gets the refusal, or NULL. */
struct reply smtpd_proxy_ask(struct smtpd_proxy *p, enum smtpd_proxy_step step, struct slice line,
                             smtpd_next_fn next);
/* Close the connection, with QUIT where that is polite. */
void smtpd_proxy_hang_up(struct smtpd_proxy *p);
int64_t smtpd_proxy_timeout_ms(void);

#endif
