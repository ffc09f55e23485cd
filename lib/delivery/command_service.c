#include "delivery/command_service.h"

#include "base/strbuf.h"
#include "config/clean_env.h"
#include "config/common_params.h"
#include "config/config.h"

#include <grp.h>
#include <pwd.h>
#include <string.h>

static void keep_name(struct slice name, char *ret)
{
    size_t len = MIN(name.len, (size_t)COMMAND_SERVICE_NAME_MAX - 1);
    memcpy(ret, name.s, len);
    ret[len] = 0;
}

enum command_service_fault command_service_user(const char *value, struct user_rights *ret,
                                                char *ret_name)
{
    const char *colon = strchr(value, ':');
    struct slice name = slice_first(slice_of(value), colon ? (size_t)(colon - value) : SIZE_MAX);
    keep_name(name, ret_name);
    const struct passwd *user = name.len < COMMAND_SERVICE_NAME_MAX ? getpwnam(ret_name) : NULL;
    if (!user)
        return COMMAND_SERVICE_NO_USER;
    *ret = (struct user_rights){.uid = user->pw_uid, .gid = user->pw_gid};
    if (!colon)
        return COMMAND_SERVICE_FINE;
    keep_name(slice_of(colon + 1), ret_name);
    const struct group *group = getgrnam(colon + 1);
    if (!group)
        return COMMAND_SERVICE_NO_GROUP;
    ret->gid = group->gr_gid;
    return COMMAND_SERVICE_FINE;
}

enum command_service_fault command_service_check(const struct user_rights *rights,
                                                 const char *mail_owner)
{
    if (rights->uid == 0)
        return COMMAND_SERVICE_ROOT;
    if (rights->gid == 0)
        return COMMAND_SERVICE_ROOT_GROUP;
    const struct passwd *owner = getpwnam(mail_owner);
    if (!owner || !user_rights_can_change())
        return COMMAND_SERVICE_FINE;
    return rights->uid == owner->pw_uid   ? COMMAND_SERVICE_OWNER
           : rights->gid == owner->pw_gid ? COMMAND_SERVICE_OWNER_GROUP
                                          : COMMAND_SERVICE_FINE;
}

bool command_service_time_limit(const struct config *cfg, const char *service, int64_t *ret_seconds,
                                struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf name = STRBUF_ANY;
    strbuf_addf(&name, "%s_time_limit", service);
    return config_get_time(cfg, name.s, "$command_time_limit", 1, 0, ret_seconds, err);
}

bool command_service_environment(struct argv *env, struct err *err)
{
    if (!clean_env_list(common_params.export_environment, env, err))
        return err_prefix(err, "export_environment");
    argv_add(env, "PATH=/usr/bin:/bin");
    return true;
}
