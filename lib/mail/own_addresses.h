/* own_addresses: the IP addresses mail reaches us on: inet_interfaces and proxy_interfaces. */
#ifndef MAIL_OWN_ADDRESSES_H
#define MAIL_OWN_ADDRESSES_H

#include "base/argv.h"
#include "base/strbuf.h"
#include "base/err.h"

/* Addresses in the form of inet_ntop. "all" asks the kernel; names are looked up. */
bool own_addresses_load(const char *inet_interfaces, const char *proxy_interfaces,
                        struct argv *ret_list, struct err *err);
/* Is LITERAL ([1.2.3.4], [IPv6:::1]) one of them? */
bool own_addresses_has(const struct argv *list, struct slice literal);

#endif
