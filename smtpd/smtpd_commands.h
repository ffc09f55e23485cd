/* smtpd_commands: the verbs of the dialogue: who handles them, in which phases, how they count. */
#ifndef SMTPD_SMTPD_COMMANDS_H
#define SMTPD_SMTPD_COMMANDS_H

#include "esmtp/esmtp_reply.h"

struct smtpd_session;

/* in the order of the disconnect line */
enum smtpd_counter {
    SMTPD_COUNT_HELO,
    SMTPD_COUNT_EHLO,
    SMTPD_COUNT_XCLIENT,
    SMTPD_COUNT_XFORWARD,
    SMTPD_COUNT_STARTTLS,
    SMTPD_COUNT_AUTH,
    SMTPD_COUNT_MAIL,
    SMTPD_COUNT_RCPT,
    SMTPD_COUNT_DATA,
    SMTPD_COUNT_BDAT,
    SMTPD_COUNT_RSET,
    SMTPD_COUNT_NOOP,
    SMTPD_COUNT_VRFY,
    SMTPD_COUNT_ETRN,
    SMTPD_COUNT_QUIT,
    SMTPD_COUNT_HELP,
    SMTPD_COUNT_UNKNOWN,
    SMTPD_COUNTERS,
};

enum smtpd_command_flags {
    SMTPD_COMMAND_JUNK = 1 << 0,  /* counts towards smtpd_junk_command_limit */
    SMTPD_COMMAND_LAST = 1 << 1,  /* a pipelining client waits for its reply (RFC 2920) */
    SMTPD_COMMAND_PLAIN = 1 << 2, /* works without TLS where TLS is demanded */
};

struct smtpd_command {
    const char *verb;
    enum smtpd_counter counter;
    unsigned phases;
    const char *otherwise; /* reply in other phases */
    struct reply (*handler)(struct smtpd_session *s, struct slice args);
    unsigned flags;
};

/* The row of VERB; the row of unknown commands when there is none. */
const struct smtpd_command *smtpd_command_find(struct slice verb);
/* Handle one line; the reply may be pending. */
struct reply smtpd_dispatch(struct smtpd_session *s, struct slice line);
/* A reply was sent: count it. */
void smtpd_count_reply(struct smtpd_session *s, int code);
/* "helo=1 mail=1/2 ... commands=3/4" */
void smtpd_counts_format(const struct smtpd_session *s, struct strbuf *out);

#endif
