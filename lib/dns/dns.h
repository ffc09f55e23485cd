/*
 * dns: questions to the name servers of resolv.conf, answered in the event loop (c-ares).
 *
 * Four things can come back, and callers treat them differently: records, "there is no such name",
 * "the name has no such record", and "could not find out", which is always a temporary error.
 */
#ifndef DNS_DNS_H
#define DNS_DNS_H

#include "dns/dns_answer.h"
#include "io/loop.h"

struct dns;
struct dns_query;

/* Reads resolv.conf; call it before entering a jail. No question may be asked before dns_start().
 */
struct dns *dns_new(struct err *err);
void dns_start(struct dns *dns, struct loop *loop);
void dns_free(struct dns *dns); /* cancels what is pending */
/* Ask these servers ("192.0.2.1, [2001:db8::1]:5353") instead of those in resolv.conf. */
bool dns_set_servers(struct dns *dns, const char *servers, struct err *err);

/* Ask for what is validated (RFC 4035): answers tell by is_secure whether they are. The validating
 * is left to the name server, which is to be trusted, and so is the way to it. Not for DNS_HOST. */
void dns_ask_secure(struct dns *dns);

/* DNS_HOST finds addresses of this family only (AF_INET, AF_INET6); AF_UNSPEC, as at first: both.
 */
void dns_set_host_family(struct dns *dns, int family);

/* Complete names with the domains of resolv.conf, as res_search(3) does: SHORT ones, without a dot,
 * by the first domain; others by each (MORE); with both, short ones by each. As at first: none. */
void dns_set_search(struct dns *dns, bool short_names, bool more);

/* ANSWER and ERR are valid during the call. ERR is filled unless the status is DNS_FOUND. Called
 * once, never from inside dns_query_start(); the query is over then, forget the pointer. */
typedef void (*dns_fn)(void *owner, const struct dns_answer *answer, const struct err *err);
struct dns_query *dns_query_start(struct dns *dns, const char *name, enum dns_type type, dns_fn fn,
                                  void *owner);
/* PTR of a numeric address: the name to ask for; false when ADDRESS is not numeric. */
bool dns_reverse_name(const char *address, struct strbuf *out);
void dns_query_cancel(struct dns_query *query); /* NULL is fine; FN will not be called */

#endif
