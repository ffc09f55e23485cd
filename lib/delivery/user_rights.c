#include "delivery/user_rights.h"

#include "log/log.h"

#include <errno.h>
#include <grp.h>
#include <string.h>
#include <unistd.h>

static bool is_taken, is_switched;

/* The real uid tells whether we can come back; it never changes but in a child that is about to run
 * a command. */
static uid_t real_uid(void)
{
    static uid_t uid = (uid_t)-1;
    if (uid == (uid_t)-1)
        uid = getuid();
    return uid;
}

bool user_rights_can_change(void)
{
    return real_uid() == 0;
}

bool user_rights_are_ours(const struct user_rights *rights, struct err *err)
{
    if (user_rights_can_change() || rights->uid == real_uid())
        return true;
    return err_set(err, ERR_TEMP, "not running as root: cannot act as user id %u",
                   (unsigned)rights->uid);
}

bool user_rights_take(const struct user_rights *rights, struct err *err)
{
    if (is_taken)
        log_panic("user rights taken twice");
    if (!user_rights_are_ours(rights, err))
        return false;
    is_taken = true;
    if (!user_rights_can_change() || rights->uid == 0)
        return true;
    is_switched = true;
    /* the uid last: without root the others could not be set */
    if (setgroups(1, &rights->gid) == 0 && setegid(rights->gid) == 0 && seteuid(rights->uid) == 0)
        return true;
    int error = errno;
    user_rights_return();
    return err_set(err, ERR_TEMP, "cannot act as user id %u: %s", (unsigned)rights->uid,
                   strerror(error));
}

void user_rights_return(void)
{
    int error = errno;
    is_taken = false;
    if (!is_switched)
        return;
    is_switched = false;
    gid_t gid = getgid();
    /* Going on with half of somebody's rights is worse than ending: nothing is lost by that. */
    if (seteuid(0) < 0 || setegid(gid) < 0 || setgroups(1, &gid) < 0)
        log_fatal("cannot return from a user's rights: %s", strerror(errno));
    errno = error;
}

bool user_rights_take_for_good(const struct user_rights *rights, struct err *err)
{
    if (!user_rights_are_ours(rights, err))
        return false;
    if (rights->uid == 0)
        return err_set(err, ERR_CONFIG, "refusing to run a command with super-user rights");
    if (!user_rights_can_change())
        return true;
    if (setgroups(1, &rights->gid) < 0 || setresgid(rights->gid, rights->gid, rights->gid) < 0 ||
        setresuid(rights->uid, rights->uid, rights->uid) < 0)
        return err_set(err, ERR_TEMP, "cannot become user id %u: %s", (unsigned)rights->uid,
                       strerror(errno));
    return true;
}
