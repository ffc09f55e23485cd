/*
 * psc_sites: postscreen_dnsbl_sites: DNS lists with filters and weights, and a client's score.
 *
 * "list.example=127.0.0.[2;4..7]*3": answers that match the filter add 3, once.
 */
#ifndef POSTSCREEN_PSC_SITES_H
#define POSTSCREEN_PSC_SITES_H

#include "base/err.h"
#include "base/slice.h"

struct psc_sites;

struct psc_sites *psc_sites_parse(const char *list, struct err *err); /* NULL: it is wrong */
void psc_sites_free(struct psc_sites *sites);
/* Each domain once: it is asked once, whatever the number of its filters. */
size_t psc_sites_count(const struct psc_sites *sites);
const char *psc_sites_domain(const struct psc_sites *sites, size_t i);
/* What ADDRESSES (separated by blanks), the answer of domain I, add to a score. */
int64_t psc_sites_score(const struct psc_sites *sites, size_t i, struct slice addresses);

#endif
