/* postlock_lock: hold a mailbox by one or more of the usual ways: fcntl, flock, dotlock. */
#ifndef POSTLOCK_POSTLOCK_LOCK_H
#define POSTLOCK_POSTLOCK_LOCK_H

#include "base/err.h"

#include <limits.h>

struct postlock_lock {
    int fd;                  /* of the mailbox */
    char dot_path[PATH_MAX]; /* "" : none */
};

/* STYLES is a list as mailbox_delivery_lock has it. Waits as deliver_lock_attempts and
 * deliver_lock_delay say. The mailbox is created when it does not exist. */
bool postlock_take(struct postlock_lock *lock, const char *path, const char *styles,
                   struct err *err);
void postlock_unlock(const struct postlock_lock *lock); /* async-signal-safe */

#endif
