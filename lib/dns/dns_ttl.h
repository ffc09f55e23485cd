/* dns_ttl: how long a name server's answer holds. */
#ifndef DNS_DNS_TTL_H
#define DNS_DNS_TTL_H

#include "base/slice.h"

/* Seconds: the shortest of the records in the answer, or what the SOA record says of names and
 * records that are not there (RFC 2308, section 5). -1: PACKET does not tell, or is malformed. */
int64_t dns_ttl_of(struct slice packet);

#endif
