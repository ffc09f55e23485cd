/*
 * service_compat: append_dot_mydomain=yes as the default of an old compatibility_level is named in
 * the log whenever it completes an address; postconf(5), compatibility_level.
 */
#ifndef SERVICE_SERVICE_COMPAT_H
#define SERVICE_SERVICE_COMPAT_H

#include "config/config.h"
#include "mail/rewrite.h"

/* Before the jail, because the lists of our domains may be tables. */
void service_compat_watch(struct rewrite_rules *rules, const struct config *cfg);

#endif
