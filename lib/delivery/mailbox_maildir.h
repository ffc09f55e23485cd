/*
 * mailbox_maildir: put a message into a maildir as a file of its own.
 */
#ifndef DELIVERY_MAILBOX_MAILDIR_H
#define DELIVERY_MAILBOX_MAILDIR_H

#include "delivery/mailbox_message.h"
#include "delivery/user_rights.h"

struct mailbox_maildir {
    const char *path; /* ends in "/" */
    struct user_rights rights;
    int64_t size_limit;      /* of the message as written; 0: none */
    const char *default_dsn; /* as in struct mailbox_mbox */
};

/* True: the message stands in new/ and is on stable storage. False: T says why, nothing is left. */
bool mailbox_maildir_deliver(const struct mailbox_maildir *maildir, const struct mailbox_message *m,
                             struct mailbox_trouble *t);

#endif
