/* smtpd_access: keys of access(5) tables and the actions they return. */
#ifndef SMTPD_SMTPD_ACCESS_H
#define SMTPD_SMTPD_ACCESS_H

#include "smtpd/smtpd_reject.h"

/* A name and its parents. */
enum map_status smtpd_access_find_name(struct maps *maps, const char *name, struct strbuf *value,
                                       struct err *err);
/* Do what VALUE, found for ITEM, says. */
enum smtpd_verdict smtpd_access_act(struct smtpd_eval *e, const struct smtpd_rule *rule,
                                    enum smtpd_reply_class class, const char *item,
                                    const char *value);
/* The same where a stranger chooses what is looked up: OK is refused. */
enum smtpd_verdict smtpd_access_act_no_ok(struct smtpd_eval *e, const struct smtpd_rule *rule,
                                          enum smtpd_reply_class class, const char *item,
                                          const char *value);
/* The table could not be asked. */
enum smtpd_verdict smtpd_access_failed(struct smtpd_eval *e, enum smtpd_reply_class class,
                                       const char *item, const struct err *err);
/* Do what a policy service answered. SERVICE: its name in warnings. */
enum smtpd_verdict smtpd_access_apply_policy(struct smtpd_eval *e, const char *service,
                                             const char *action);

#endif
