#include "postqueue/postqueue_users.h"

#include "config/common_params.h"
#include "log/log.h"
#include "map/match_list.h"

#include <pwd.h>
#include <sysexits.h>
#include <unistd.h>

void postqueue_check_user(const char *title, const char *list, const char *what)
{
    struct err err = ERR_INIT;
    uid_t uid = getuid();
    const struct passwd *owner = getpwnam(common_params.mail_owner);
    if (uid == 0 || (owner && owner->pw_uid == uid))
        return;
    const struct passwd *caller = getpwuid(uid);
    const char *name = caller ? caller->pw_name : "unknown";
    struct match_list *users = match_list_new(title, list, MATCH_STRING, 0);
    enum map_status found = match_list_find(users, name, &err);
    if (found == MAP_FAILED) /* who cannot be looked up is not let in */
        log_fatal_status(EX_TEMPFAIL, "%s: %s", title, err.reason);
    if (found == MAP_NOT_FOUND)
        log_fatal_status(EX_UNAVAILABLE, "User %s(%ld) is not allowed to %s the mail queue", name,
                         (long)uid, what);
    match_list_free(users);
}
