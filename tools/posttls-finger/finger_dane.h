/* finger_dane: which certificates the DNS says that a host has (RFC 6698, RFC 7672). */
#ifndef FINGER_DANE_H
#define FINGER_DANE_H

#include "tools/posttls-finger/finger_dns.h"
#include "tools/posttls-finger/finger_hosts.h"

/* Fill what of HOST is by this; without records the level "secure" has to do, which is said. False:
 * nobody knows whether there are any; said too. */
bool finger_dane_find(const struct finger_options *options, struct finger_dns *dns,
                      const struct finger_hosts *hosts, struct finger_host *host);

#endif
