/*
 * smtpd_peer_cache: client names found a moment ago, so that a client that connects many times a
 * second costs one look-up. Temporary failures are not kept.
 */
#ifndef SMTPD_SMTPD_PEER_CACHE_H
#define SMTPD_SMTPD_PEER_CACHE_H

#include "base/base.h"

enum { SMTPD_PEER_CACHE_MS = 60 * 1000, SMTPD_PEER_CACHE_MAX = 1000 };

/* What is known of ADDRESS: names as for smtpd_peer_set_names(), NULL for a client without a name.
 * False: nothing, look it up. The texts live until the next call of smtpd_peer_cache_put(). */
bool smtpd_peer_cache_get(const char *address, const char **ret_name,
                          const char **ret_reverse_name);
void smtpd_peer_cache_put(const char *address, const char *name, const char *reverse_name);

#endif
