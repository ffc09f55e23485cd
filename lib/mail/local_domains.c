#include "mail/local_domains.h"

#include "base/xmem.h"
#include "config/common_params.h"
#include "mail/own_addresses.h"

struct local_domains {
    struct match_list *names; /* mydestination */
    struct argv addresses;
};

struct local_domains *local_domains_new(struct err *err)
{
    const struct common_params *p = &common_params;
    struct local_domains *d = xzalloc(sizeof *d);
    if (!own_addresses_load(p->inet_interfaces, p->proxy_interfaces, &d->addresses, err)) {
        local_domains_free(d);
        return NULL;
    }
    d->names = match_list_new("mydestination", p->mydestination, MATCH_STRING, 0);
    return d;
}

void local_domains_free(struct local_domains *d)
{
    if (!d)
        return;
    match_list_free(d->names);
    argv_done(&d->addresses);
    free(d);
}

bool local_domains_have_changed(struct local_domains *d)
{
    return match_list_has_changed(d->names);
}

enum map_status local_domains_find(struct local_domains *d, const char *domain, struct err *err)
{
    enum map_status status = match_list_find(d->names, domain, err);
    if (status == MAP_NOT_FOUND && own_addresses_has(&d->addresses, slice_of(domain)))
        return MAP_FOUND;
    return status;
}

bool local_domains_own_bare_names(void *query, const char *domain)
{
    struct local_domains_query *q = query;
    if (slice_eq_nocase(slice_of(domain), common_params.myorigin))
        return true;
    enum map_status status = local_domains_find(q->domains, domain, q->err);
    if (status == MAP_FAILED)
        q->has_failed = true;
    return status == MAP_FOUND;
}
