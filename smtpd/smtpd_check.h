/* smtpd_check: which restriction lists apply at which point of the dialogue. */
#ifndef SMTPD_SMTPD_CHECK_H
#define SMTPD_SMTPD_CHECK_H

#include "esmtp/esmtp_reply.h"

struct smtpd_session;

enum smtpd_stage {
    SMTPD_STAGE_CONNECT,
    SMTPD_STAGE_HELO,
    SMTPD_STAGE_MAIL,
    SMTPD_STAGE_RCPT,
    SMTPD_STAGE_VRFY,
    SMTPD_STAGE_DATA,
    SMTPD_STAGE_END_OF_DATA,
    SMTPD_STAGE_ETRN,
    SMTPD_STAGE_UNKNOWN, /* a command that is none: only mail filters hear of it */
    SMTPD_STAGES,
};

/* What goes on when the checks are over: REFUSAL is NULL when nothing speaks against it. */
typedef struct reply (*smtpd_next_fn)(struct smtpd_session *s, const struct reply *refusal);

/* Evaluate the lists of STAGE; returns NEXT's reply, or a pending one that NEXT's will follow. */
struct reply smtpd_check(struct smtpd_session *s, enum smtpd_stage stage, smtpd_next_fn next);
/* The same for ETRN DOMAIN. */
struct reply smtpd_check_etrn(struct smtpd_session *s, struct slice domain, smtpd_next_fn next);

#endif
