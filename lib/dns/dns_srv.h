/* dns_srv: which of the servers of a service is to be tried first (RFC 2782). */
#ifndef DNS_DNS_SRV_H
#define DNS_DNS_SRV_H

#include "dns/dns_answer.h"

/* Put SRV records in the order to try them: by priority, then by a draw in which weights count. */
void dns_srv_order(struct dns_record *records, size_t count);

#endif
