/*
 * user_rights: acting as another user for a while, and for good.
 *
 * local, virtual and pipe run as root only to become somebody else. What belongs to a user is
 * opened, read and written between user_rights_take() and user_rights_return(). Without root a
 * program acts for the one user it runs as; taking any other's rights is refused.
 */
#ifndef DELIVERY_USER_RIGHTS_H
#define DELIVERY_USER_RIGHTS_H

#include "base/err.h"

#include <sys/types.h>

struct user_rights {
    uid_t uid;
    gid_t gid; /* the only group: supplementary groups are not taken along */
};

bool user_rights_can_change(void); /* we are root */
/* Can the rights be taken at all? False (ERR_TEMP): we are not root and the user is another. */
bool user_rights_are_ours(const struct user_rights *rights, struct err *err);
/* Effective ids only. Does not nest. */
bool user_rights_take(const struct user_rights *rights, struct err *err);
/* Back to what the process was; a failure ends the process. errno is kept. */
void user_rights_return(void);
/* All ids, with no way back: in a child that is about to run a command. Super-user rights are
 * refused. */
bool user_rights_take_for_good(const struct user_rights *rights, struct err *err);

#endif
