/*
 * local_domains: which domains are this host itself: mydestination, and [address] with one of our
 * own addresses. For table keys without a domain myorigin counts as well.
 */
#ifndef MAIL_LOCAL_DOMAINS_H
#define MAIL_LOCAL_DOMAINS_H

#include "map/match_list.h"

struct local_domains;

/* NULL, with ERR set: the addresses of inet_interfaces and proxy_interfaces are not known. */
struct local_domains *local_domains_new(struct err *err);
void local_domains_free(struct local_domains *domains);
bool local_domains_have_changed(struct local_domains *domains);

enum map_status local_domains_find(struct local_domains *domains, const char *domain,
                                   struct err *err);

/* is_local of struct map_address_query, with one of these as its ctx. HAS_FAILED: the answer is not
 * to be relied on; ERR has the reason. */
struct local_domains_query {
    struct local_domains *domains;
    struct err *err;
    bool has_failed;
};
bool local_domains_own_bare_names(void *query, const char *domain);

#endif
