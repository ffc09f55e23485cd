/*
 * own_networks: the networks this host is on, as the default of mynetworks.
 */
#ifndef CONFIG_OWN_NETWORKS_H
#define CONFIG_OWN_NETWORKS_H

#include "base/err.h"
#include "base/strbuf.h"

/* "127.0.0.0/8 192.0.2.0/24 [::1]/128" for mynetworks_style STYLE (class, subnet, host), the list
 * values INTERFACES (inet_interfaces) and PROTOCOLS (inet_protocols). */
bool own_networks(const char *style, const char *interfaces, const char *protocols,
                  struct strbuf *out, struct err *err);
/* Does the list value PROTOCOLS (inet_protocols) name IPv4, or IPv6? */
bool own_networks_uses(const char *protocols, bool ipv6);

#endif
