/* local_user: the password file. */
#ifndef LOCAL_USER_H
#define LOCAL_USER_H

#include "local/local_state.h"

enum local_user_status { LOCAL_USER_FOUND, LOCAL_USER_NONE, LOCAL_USER_FAILED };
enum local_user_status local_user_find(struct arena *arena, const char *name,
                                       struct local_user **ret, struct err *err);
/* The same by number: the owner of a file. Never LOCAL_USER_NONE: without an entry, the group is
 * that of default_privs. */
bool local_user_rights_of(uid_t uid, struct user_rights *ret, struct err *err);

/* default_privs: a user name. Without root: the one user we are. */
bool local_user_start(struct err *err);
const struct user_rights *local_user_default_rights(void);

#endif
