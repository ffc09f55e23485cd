/*
 * smtpd_dns: the DNS questions of restrictions, without waiting in them.
 *
 * A rule asks for all the answers it can use now; what is not there yet is NULL, and is asked at
 * once for all of them. The rule then returns SMTPD_VERDICT_PENDING and is run again, from its
 * beginning, when everything has come: it reads like code that waits. Until the answers are there
 * it must have done nothing that may not be done twice. Answers are kept for the transaction, so
 * that its other recipients and restrictions find them.
 */
#ifndef SMTPD_SMTPD_DNS_H
#define SMTPD_SMTPD_DNS_H

#include "dns/dns.h"
#include "smtpd/smtpd_eval.h"

struct smtpd_dns;
struct smtpd_session;

struct smtpd_answer {
    const struct dns_answer *dns;
    const char *reason; /* why there are no records, with the name and type */
    bool is_told;       /* for rules: the warning about it was logged */
};

/* The answer to a question, or NULL. NAME may be any text: what is no host name is not there. */
struct smtpd_answer *smtpd_dns_ask(struct smtpd_eval *e, const char *name, enum dns_type type);
/* A run begins: this is the moment to throw away what grew too large. */
void smtpd_dns_begin(struct smtpd_session *s);
/* The run ends: nobody waits any longer. */
void smtpd_dns_forget(struct smtpd_eval *e);
void smtpd_dns_free(struct smtpd_dns *dns); /* NULL is fine */

#endif
