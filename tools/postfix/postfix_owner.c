#include "postfix/postfix.h"

#include "config/common_params.h"
#include "log/log.h"

#include <grp.h>
#include <pwd.h>

static const struct passwd *mail_owner(void)
{
    const struct passwd *owner = getpwnam(common_params.mail_owner);
    if (!owner)
        log_fatal("file %s/main.cf: parameter mail_owner: unknown user name value: %s",
                  common_params.config_directory, common_params.mail_owner);
    return owner;
}

uid_t postfix_mail_uid(void)
{
    return mail_owner()->pw_uid;
}

gid_t postfix_mail_gid(void)
{
    return mail_owner()->pw_gid;
}

gid_t postfix_setgid_gid(void)
{
    const struct group *group = getgrnam(common_params.setgid_group);
    if (!group)
        log_fatal("file %s/main.cf: parameter setgid_group: unknown group name: %s",
                  common_params.config_directory, common_params.setgid_group);
    return group->gr_gid;
}
