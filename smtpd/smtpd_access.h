/* smtpd_access: the actions of access(5), wherever their text comes from. */
#ifndef SMTPD_SMTPD_ACCESS_H
#define SMTPD_SMTPD_ACCESS_H

#include "smtpd/smtpd_eval.h"

/* Do what a policy service answered. SERVICE: its name in warnings. */
enum smtpd_verdict smtpd_access_apply_policy(struct smtpd_eval *e, const char *service,
                                             const char *action);

#endif
