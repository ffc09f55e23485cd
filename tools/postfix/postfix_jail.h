/*
 * postfix_jail: the files that processes in the jail need to look names up.
 *
 * A process that master.cf puts into a jail has queue_directory as its root directory; the C
 * library then finds hosts, name servers and the time zone in etc/ below it. These are copies of
 * the system's files, refreshed before master(8) starts and when it reads its files again.
 */
#ifndef POSTFIX_POSTFIX_JAIL_H
#define POSTFIX_POSTFIX_JAIL_H

#include "config/master_cf.h"

struct postfix;

/* Refresh the copies, as root and when a service runs in the jail. Problems are warnings: a mail
 * system with old copies is better than none. */
void postfix_jail_update(const struct postfix *postfix);
/* Does an entry run in the jail, as master(8) sees it at this compatibility level? */
bool postfix_jail_is_used(const struct master_entry *entries, const char *compatibility_level);

#endif
