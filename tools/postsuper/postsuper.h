/*
 * postsuper: what the parts of the command share.
 *
 * Each change of the queue is one rename, unlink or chmod, in an order that leaves a sound queue
 * wherever the command dies; giving it again does the rest.
 */
#ifndef POSTSUPER_POSTSUPER_H
#define POSTSUPER_POSTSUPER_H

#include "base/strbuf.h"

#include <sys/types.h>

/* In the order in which they are done for ALL. */
enum action {
    ACTION_EXPIRE,
    ACTION_EXPIRE_RELEASE,
    ACTION_REQUEUE,
    ACTION_RELEASE,
    ACTION_HOLD,
    ACTION_DELETE,
    ACTIONS
};

struct postsuper_counts {
    bool is_wanted; /* print it, 0 too */
    unsigned long messages;
};

struct postsuper {
    int verbose;
    const char *const *queues; /* given on the command line; NULL-terminated; empty: the defaults */
    struct postsuper_counts requeued, deleted, expired, held, released;
    unsigned long renamed, restored;
    bool is_finished;   /* no fatal error ended the command */
    bool is_incomplete; /* a structure check has begun and did not end */
};
extern struct postsuper postsuper;

/* postsuper_message.c */
void postsuper_by_id(enum action action, const char *id);
void postsuper_all(enum action action);
/* Fatal unless it is a queue this command may touch. */
void postsuper_check_queue(const char *queue);
bool postsuper_is_message_queue(const char *queue);

/* postsuper_structure.c */
void postsuper_purge(void); /* -p */
/* -s; EVERY_NAME: -S, the inode in long names is looked at, too */
void postsuper_fix_structure(bool every_name);

/* postsuper_journal.c */
void postsuper_restore(void); /* with -s: from the journals */

/* postsuper_name.c */
/* The id that a message called ID in inode INODE has to have; false when ID is no queue id. */
bool postsuper_right_name(struct slice id, ino_t inode, bool every_name, struct strbuf *ret);

#endif
