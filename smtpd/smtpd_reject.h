/* smtpd_reject: refusals of restrictions: the reply, the log line, warn_if_reject, deferrals. */
#ifndef SMTPD_SMTPD_REJECT_H
#define SMTPD_SMTPD_REJECT_H

#include "smtpd/smtpd_eval.h"

/* What a reply speaks of. */
enum smtpd_reply_class {
    SMTPD_CLASS_CLIENT,
    SMTPD_CLASS_REVERSE_CLIENT,
    SMTPD_CLASS_HELO,
    SMTPD_CLASS_SENDER,
    SMTPD_CLASS_RECIPIENT,
    SMTPD_CLASS_DATA,
    SMTPD_CLASS_END_OF_DATA,
    SMTPD_CLASS_ETRN,
    SMTPD_CLASS_CCERT,
    SMTPD_CLASS_LOGIN,
};

/* What the restriction at work speaks of: the item of its list, or, in a list from an access table,
 * the one that was looked up there. */
enum smtpd_reply_class smtpd_class_of_list(const struct smtpd_eval *e);
/* As log lines and policy requests call it: "EHLO", "END-OF-MESSAGE". */
const char *smtpd_stage_name(const struct smtpd_session *s, enum smtpd_stage stage);
const char *smtpd_class_name(enum smtpd_reply_class class); /* "Client host" */
/* The item of that class: name[address], HELO name, address, "DATA" */
const char *smtpd_class_item(const struct smtpd_eval *e, enum smtpd_reply_class class);

/* Refuse with CODE and enhanced code DSN, whose first digit follows the code's. Logged; under
 * warn_if_reject only logged: returns NONE then, else REJECT. */
enum smtpd_verdict smtpd_reject(struct smtpd_eval *e, int code, const char *dsn, const char *fmt,
                                ...) PRINTF(4, 5);
/* The same with "<item>: class rejected: " in front. TEXT may begin with an enhanced code, which
 * then replaces DSN. */
enum smtpd_verdict smtpd_reject_item(struct smtpd_eval *e, enum smtpd_reply_class class,
                                     const char *item, int code, const char *dsn, const char *text);
/* Remember a deferral, in the form of smtpd_reject_item(), for the case that the outcome is permit
 * (or reject). Returns NONE. */
enum smtpd_verdict smtpd_defer_later(struct smtpd_eval *e, struct smtpd_deferral *deferral,
                                     enum smtpd_reply_class class, const char *item, int code,
                                     const char *dsn, const char *text);
/* The same about the list that is evaluated. */
enum smtpd_verdict smtpd_defer_list(struct smtpd_eval *e, struct smtpd_deferral *deferral,
                                    const char *dsn, const char *text);
/* A restriction that may have refused could not find out: what a *_tempfail_action says. */
enum smtpd_verdict smtpd_temporary(struct smtpd_eval *e, const char *action,
                                   enum smtpd_reply_class class, const char *item, const char *dsn,
                                   const char *text);
/* "451 4.3.5 Server configuration error", warn_if_reject or not: trying a restriction out is no
 * reason to let mail pass unchecked. */
enum smtpd_verdict smtpd_reject_configuration(struct smtpd_eval *e);
/* 451 4.3.0 <item>: Temporary lookup failure, and the reason in the log. */
enum smtpd_verdict smtpd_reject_lookup_failure(struct smtpd_eval *e, const char *item,
                                               const struct err *err);

/* ACTION permitted, as TABLE (or NULL) said: log it if smtpd_log_access_permit_actions says so. */
void smtpd_log_permit(struct smtpd_eval *e, const char *action, enum smtpd_reply_class class,
                      const char *item, const char *table);
/* "hold: RCPT from client: TEXT; from=<..> to=<..> proto=.. helo=<..>" */
void smtpd_log_action(struct smtpd_eval *e, const char *what, const char *text);
/* " from=<..> to=<..> proto=.. helo=<..>"; RECIPIENT may be NULL. */
void smtpd_log_add_envelope(struct smtpd_session *s, const char *recipient, struct strbuf *out);
/* The same without a run, for replies outside of restrictions. */
void smtpd_log_event(struct smtpd_session *s, enum smtpd_stage stage, const char *what,
                     const char *text, const char *recipient);

#endif
