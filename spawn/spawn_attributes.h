/*
 * spawn_attributes: what the master.cf entry of a spawn service says after the program's options:
 * user=, and argv=COMMAND last. See spawn(8).
 */
#ifndef SPAWN_SPAWN_ATTRIBUTES_H
#define SPAWN_SPAWN_ATTRIBUTES_H

#include "base/argv.h"
#include "delivery/user_rights.h"

struct spawn_attributes {
    struct user_rights rights;
    struct argv command; /* copied; at least one word */
};

/* ARGS is NULL-terminated. MAIL_OWNER: the user whose rights are refused. False (ERR_CONFIG): what
 * is wrong, in Postfix's words. */
bool spawn_attributes_parse(char *const *args, const char *mail_owner, struct spawn_attributes *ret,
                            struct err *err);
void spawn_attributes_done(struct spawn_attributes *a);

#endif
