/*
 * psc_dnsbl: asks dnsblog(8) about clients: all questions of all clients over one connection.
 *
 * dnsblog may go away at any time: what it has not answered is asked once more over a new
 * connection. What stays unanswered adds nothing to a score.
 */
#ifndef POSTSCREEN_PSC_DNSBL_H
#define POSTSCREEN_PSC_DNSBL_H

#include "io/loop.h"
#include "postscreen/psc_sites.h"

struct psc_dnsbl;
struct psc_dnsbl_query;

/* PATH of dnsblog's socket; both it and SITES outlive what is made. TIMEOUT_MS: for all answers
 * about one client. */
struct psc_dnsbl *psc_dnsbl_new(struct loop *loop, const char *path, const struct psc_sites *sites,
                                int64_t timeout_ms);
void psc_dnsbl_free(struct psc_dnsbl *dnsbl);

struct psc_dnsbl_result {
    int64_t score;
    const char *domain; /* the list that counted most; NULL: none counted */
    int64_t ttl;        /* shortest of the answers, seconds; -1: not known */
};

/* FN is called once, when the last answer is in or the time is over; never from inside the call. */
struct psc_dnsbl_query *psc_dnsbl_ask(struct psc_dnsbl *dnsbl, const char *address,
                                      void (*fn)(void *owner), void *owner);
/* What is known by now. */
struct psc_dnsbl_result psc_dnsbl_result(const struct psc_dnsbl_query *query);
void psc_dnsbl_forget(struct psc_dnsbl_query *query); /* NULL is fine */

#endif
