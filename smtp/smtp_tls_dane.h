/*
 * smtp_tls_dane: what DNS says of a server's certificates (RFC 6698, RFC 7672), and what a policy
 * of the levels dane and dane-only becomes with it. What is not validated by the name server counts
 * for nothing; what cannot be found out defers the mail.
 */
#ifndef SMTP_SMTP_TLS_DANE_H
#define SMTP_SMTP_TLS_DANE_H

#include "smtp/smtp_hosts.h"
#include "smtp/smtp_tls_policy.h"

struct smtp_tls_dane; /* a look-up in progress */

/* Before the jail: smtp_tls_dane_insecure_mx_policy. */
void smtp_tls_dane_open(void);

/* Does POLICY depend on TLSA records of HOST? When not, it may have become a weaker one, or
 * *REFUSAL says why there is none. */
bool smtp_tls_dane_needs(const struct smtp_nexthop *nexthop, const struct smtp_host *host,
                         struct arena *arena, struct smtp_tls_policy *policy, const char **refusal);

/* POLICY is complete, unless REFUSAL says why there is none; all of it lives in the arena given.
 * Called once, never from inside smtp_tls_dane_find(). */
typedef void (*smtp_tls_dane_fn)(void *owner, const char *refusal);
struct smtp_tls_dane *smtp_tls_dane_find(const struct smtp_nexthop *nexthop,
                                         const struct smtp_host *host, struct arena *arena,
                                         struct smtp_tls_policy *policy, smtp_tls_dane_fn fn,
                                         void *owner);
void smtp_tls_dane_cancel(struct smtp_tls_dane *lookup); /* NULL is fine */

#endif
