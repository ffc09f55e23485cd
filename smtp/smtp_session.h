/*
 * smtp_session: one connection to a server, from connect to QUIT. It belongs to a delivery, waits
 * in the cache for the next, or is on its way out.
 *
 * What is sent and what is awaited are two positions in the same sequence of steps; with PIPELINING
 * the first runs ahead. smtp_proto.c has the table of steps.
 */
#ifndef SMTP_SMTP_SESSION_H
#define SMTP_SMTP_SESSION_H

#include "esmtp/esmtp_reply_parse.h"
#include "io/stream.h"
#include "mail/notice.h"
#include "smtp/smtp_hosts.h"

struct smtp_delivery;
struct smtp_sasl;
struct tls_info;
struct tls_session;

enum smtp_step {
    SMTP_STEP_CONNECT,
    SMTP_STEP_GREETING,
    SMTP_STEP_EHLO,
    SMTP_STEP_HELO,
    SMTP_STEP_STARTTLS,
    SMTP_STEP_HANDSHAKE, /* of TLS: no reply is awaited */
    SMTP_STEP_LOGIN,     /* an answer to send is made: no reply is awaited */
    SMTP_STEP_AUTH,      /* it was sent */
    SMTP_STEP_XFORWARD,
    SMTP_STEP_MAIL,
    SMTP_STEP_RCPT,
    SMTP_STEP_DATA,
    SMTP_STEP_BODY, /* sending; no reply is awaited, one may come */
    SMTP_STEP_DOT,
    SMTP_STEP_PROBE, /* RSET: is a session from the cache still good? */
    SMTP_STEP_ABORT, /* RSET after a transaction without a message */
    SMTP_STEP_QUIT,
    SMTP_STEP_IDLE,
    SMTP_STEP_NONE,
};

struct smtp_session {
    struct smtp_host host;          /* with texts of its own */
    char *destination;              /* nexthop text it was made for: key of the cache */
    char *name;                     /* "host[address]" */
    char *relay;                    /* "host[address]:port" */
    struct smtp_delivery *delivery; /* NULL: idle, or closing */

    char *policy_key;              /* of the TLS policy it was made for */
    struct tls_session *handshake; /* the stream's; NULL: none was begun */
    const struct tls_info *tls;    /* NULL: it is in the clear */
    int tls_level, tls_wanted; /* enum smtp_tls_level: as it is; as asked for, before look-ups */
    int tls_loglevel;          /* once there was a handshake */
    bool is_tls_unfit;         /* it has TLS, with another than the policy wants */
    bool is_authenticated;     /* it is the right server, by a name nobody could have forged */
    bool is_requiretls;        /* the message that is sent is marked so */
    bool allows_tls_reuse;     /* by that policy */
    bool is_tls_off;           /* TLS has failed at the last attempt: in the clear, then */
    struct smtp_sasl *sasl;    /* NULL: the server offers no AUTH, or nobody wants it */
    struct stream *stream;     /* NULL while connecting */
    int fd;                    /* while connecting */
    struct watch *connecting;
    struct timer *timer; /* connecting, and pauses */

    enum smtp_step send, recv;              /* next to send; whose reply comes next */
    size_t send_rcpt, recv_rcpt, recv_left; /* recipients of the transaction; LMTP replies left */
    size_t xforward_sent;
    size_t outstanding; /* replies owed */
    struct esmtp_reply reply;
    struct strbuf filtered; /* a line of it, see smtp_replies.h */
    bool is_reply_read;     /* REPLY has been dealt with */
    unsigned features;      /* enum smtp_ehlo_keywords */
    unsigned xforward;      /* attributes the server takes, see smtp_xforward.c */
    int64_t size_limit;
    unsigned discard, pix;
    size_t pending_seen;          /* unsent output when the deadline last passed */
    unsigned garbage;             /* lines that were no replies */
    struct transcript transcript; /* smtp_notice.c */
    bool is_verbose, is_breached;
    bool says_esmtp, is_utf8, is_failed /* the transaction's outcome is known */, is_unusable;
    unsigned uses;
    int64_t created_ms;
    struct smtp_session *next, **link; /* all sessions of the process */
    struct timer *idle;
};

/* Start connecting; the delivery hears of the outcome. NULL: refused at once, with the reason. */
struct smtp_session *smtp_session_connect(const struct smtp_host *host, const char *destination,
                                          struct smtp_delivery *delivery, struct err *err);
void smtp_session_free(struct smtp_session *s);
/* Say QUIT and go. The session is no longer the caller's. */
void smtp_session_quit(struct smtp_session *s);
void smtp_session_deadline(struct smtp_session *s, int64_t seconds);
struct smtp_session *smtp_session_first(void);

#endif
