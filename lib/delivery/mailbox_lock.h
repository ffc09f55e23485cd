/*
 * mailbox_lock: keeping others out of an mbox file while mail is appended.
 *
 * mailbox_delivery_lock names the kinds: "dotlock" (a file NAME.lock), "fcntl", "flock". Each call
 * tries once. Who does not get one kind gives back the others before mailbox_lock_wait(): mail
 * readers take them in another order, and would wait for us while we wait for them.
 */
#ifndef DELIVERY_MAILBOX_LOCK_H
#define DELIVERY_MAILBOX_LOCK_H

#include "base/err.h"

enum mailbox_lock_kinds {
    MAILBOX_LOCK_FCNTL = 1 << 0,
    MAILBOX_LOCK_FLOCK = 1 << 1,
    MAILBOX_LOCK_DOTLOCK = 1 << 2,
};
/* LIST as in main.cf. ERR_CONFIG: an unknown word. */
bool mailbox_lock_parse(const char *list, unsigned *ret_kinds, struct err *err);

struct mailbox_lock_policy {
    unsigned kinds;
    int64_t attempts, delay_ms;
    int64_t stale_s; /* a dotlock this old has lost its owner */
};

/* Create PATH.lock; a stale one is taken away. On failure errno tells why: EEXIST, somebody else
 * holds it. */
bool mailbox_lock_dot(const char *path, const struct mailbox_lock_policy *policy);
void mailbox_lock_dot_remove(const char *path);
/* The other kinds, on an open file; what was taken is released when it is closed. errno EAGAIN:
 * held by another. */
bool mailbox_lock_file(int fd, const struct mailbox_lock_policy *policy);
/* Between two of the policy's attempts, with no lock held. */
void mailbox_lock_wait(const struct mailbox_lock_policy *policy);

#endif
