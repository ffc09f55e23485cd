/*
 * smtpd_tx: one mail transaction: MAIL to end of data; freed by RSET, HELO, the end of the message,
 * the end of the session.
 */
#ifndef SMTPD_SMTPD_TX_H
#define SMTPD_SMTPD_TX_H

#include "base/arena.h"
#include "esmtp/esmtp_data.h"
#include "mail/envelope.h"
#include "smtpd/smtpd_check.h"

#include <sys/time.h>

struct smtpd_session;
struct smtpd_sink;

/* What access tables asked for besides yes and no. Texts live in the arena of their owner. */
struct smtpd_prepend {
    const char *line;
    struct smtpd_prepend *next;
};
struct smtpd_actions {
    const char *filter, *redirect, *bcc;
    struct smtpd_prepend *prepend, *prepend_last;
    bool hold, discard;
};

struct smtpd_tx {
    struct arena *arena;
    struct timeval arrival;
    const char *sender;
    const char *encoding;    /* BODY=, NULL when not given */
    const char *auth_sender; /* AUTH= as it came, in xtext; NULL: not given, or <> */
    const char *dsn_envid;
    int dsn_ret;
    bool smtputf8, requiretls;
    const char *verp; /* two characters; NULL: not asked for */
    int64_t announced_size;
    size_t recipient_count;           /* accepted */
    size_t over_limit;                /* refused because there were too many */
    const char *recipient_as_written; /* of the RCPT command: what stood between < and > */
    const char *recipient;            /* of the RCPT (or VRFY) command being answered */
    const char *accepted;             /* the last one accepted */
    const char *first_accepted;
    const char *refusal;               /* the reply to RECIPIENT that filters are told of */
    const char *mail_args, *rcpt_args; /* ESMTP arguments as they came, for filters */
    struct smtpd_actions actions;

    /* the RCPT command being answered */
    const char *dsn_orcpt;
    int dsn_notify;

    /* for the before-queue filter: the commands as the client sent them; NULL without one */
    const char *mail_command, *rcpt_command;

    smtpd_next_fn when_open; /* smtpd_open(): what follows */
    struct smtpd_sink *sink; /* NULL until the first recipient was accepted */
    const char *queue_id;    /* "" until the sink has one */
    const char *instance;    /* tells messages apart for policy services; "" before MAIL's reply */

    /* content */
    struct esmtp_data data;
    int64_t content_size; /* with CR LF after each line */
    bool too_big, content_began;
    const char *failure; /* the sink gave up early: the reply at the end */
    uint64_t chunk_size;
    bool chunk_last;
    struct smtpd_tx *suspended; /* VRFY: the one that goes on after it */
    const char *verify_text;
    struct strbuf partial; /* BDAT: a line whose end is in the next chunk */
};

struct smtpd_tx *smtpd_tx_new(const char *sender);
void smtpd_tx_free(struct smtpd_tx *tx); /* NULL is fine; aborts what was not finished */
/* Forget S's transaction without a word to mail filters. */
void smtpd_tx_drop(struct smtpd_session *s);
/* End S's transaction, if there is one, and go back to the start phase. */
void smtpd_tx_reset(struct smtpd_session *s);

#endif
