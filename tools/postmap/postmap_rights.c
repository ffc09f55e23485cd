/* postmap_rights: see the header. */
#include "tools/postmap/postmap_rights.h"

#include <errno.h>
#include <grp.h>
#include <unistd.h>

bool postmap_rights_of_owner(const struct stat *file, struct err *err)
{
    if (geteuid() != 0 || file->st_uid == 0)
        return true;
    if (setgroups(1, &file->st_gid) == 0 && setegid(file->st_gid) == 0 &&
        seteuid(file->st_uid) == 0)
        return true;
    return err_set(err, ERR_TEMP, "set user %lu: %s", (unsigned long)file->st_uid, strerror(errno));
}

void postmap_rights_back(void)
{
    gid_t group = getgid();
    /* failing leaves us with fewer rights, never with more */
    if (geteuid() != getuid() &&
        (seteuid(getuid()) < 0 || setegid(group) < 0 || setgroups(1, &group) < 0))
        return;
}
