/*
 * smtpd_compat: the defaults that an old compatibility_level keeps, named in the log whenever they
 * decide something that the new default would decide otherwise; postconf(5), compatibility_level.
 */
#ifndef SMTPD_SMTPD_COMPAT_H
#define SMTPD_SMTPD_COMPAT_H

#include "config/config.h"
#include "mail/resolve.h"
#include "map/match_list.h"

struct smtpd_eval;
struct smtpd_session;

/* Which defaults are old, and not set in main.cf either. */
struct smtpd_compat {
    bool mynetworks_style, relay_domains, flush_domains, relay_restrictions, list_order, smtputf8;
    struct match_list *host_networks; /* mynetworks as it would be now */
};

void smtpd_compat_open(struct smtpd_compat *compat, const struct config *cfg);
void smtpd_compat_close(struct smtpd_compat *compat);

/* mynetworks has the client: */
void smtpd_compat_permitted(const struct smtpd_session *s);
/* The recipient's domain is ours, of this class: */
void smtpd_compat_accepted(const struct smtpd_session *s, const struct resolve_reply *r);
/* The recipient was looked for and may be there: */
void smtpd_compat_listed(const struct smtpd_session *s, const struct resolve_reply *r);
/* The list that was at work refused: */
void smtpd_compat_refused(const struct smtpd_eval *e);
/* WHAT ("sender", "recipient") address without SMTPUTF8: */
void smtpd_compat_utf8(const struct smtpd_session *s, const char *what, const char *address);
/* ETRN for a domain in fast_flush_domains: */
void smtpd_compat_flushed(const struct smtpd_session *s, const char *domain);

#endif
