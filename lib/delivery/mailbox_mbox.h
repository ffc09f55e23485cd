/*
 * mailbox_mbox: append a message to an mbox file, or to whatever /file/name is.
 */
#ifndef DELIVERY_MAILBOX_MBOX_H
#define DELIVERY_MAILBOX_MBOX_H

#include "delivery/mailbox_lock.h"
#include "delivery/mailbox_message.h"
#include "delivery/user_rights.h"

struct mailbox_mbox {
    const char *path;
    struct user_rights rights; /* whose file it is */
    /* The directory is the administrator's (/var/mail): root makes lock files and new mailboxes in
     * it. An existing mailbox is opened with the user's rights all the same. */
    bool directory_is_roots;
    bool may_be_special;      /* a device or a FIFO will do */
    bool must_have_lock_file; /* not being able to make one is a failure, not a warning */
    bool must_be_owner;       /* strict_mailbox_ownership */
    struct mailbox_lock_policy lock;
    int64_t size_limit; /* 0: none */
    /* The enhanced code when the mailbox itself is not right: 5.2.0 where the recipient has to mend
     * it, 4.2.0 where the administrator does and the mail can wait. */
    const char *default_dsn;
    int64_t *ret_start; /* where the message begins, for comsat; may be NULL */
};

/* True: the message is in the file and on stable storage. False: T says why; the file is as long as
 * it was. */
bool mailbox_mbox_deliver(const struct mailbox_mbox *mbox, const struct mailbox_message *m,
                          struct mailbox_trouble *t);

/* Is PATH in a directory that only root may write to (the case of directory_is_roots)? */
bool mailbox_mbox_directory_is_roots(const char *path);

#endif
