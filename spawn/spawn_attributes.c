#include "spawn/spawn_attributes.h"

#include "delivery/command_service.h"

#include <string.h>

static bool set_user(struct spawn_attributes *a, const char *value, struct err *err)
{
    char name[COMMAND_SERVICE_NAME_MAX];
    enum command_service_fault fault = command_service_user(value, &a->rights, name);
    if (fault == COMMAND_SERVICE_FINE)
        return true;
    return err_set(err, ERR_CONFIG, "unknown %s name: %s",
                   fault == COMMAND_SERVICE_NO_USER ? "user" : "group", name);
}

static bool check_rights(const struct user_rights *rights, const char *mail_owner, struct err *err)
{
    switch (command_service_check(rights, mail_owner)) {
    case COMMAND_SERVICE_ROOT:
        return err_set(err, ERR_CONFIG, "request to deliver as root");
    case COMMAND_SERVICE_ROOT_GROUP:
        return err_set(err, ERR_CONFIG, "request to use privileged group id %ld",
                       (long)rights->gid);
    case COMMAND_SERVICE_OWNER:
        return err_set(err, ERR_CONFIG, "request to deliver as mail system owner");
    case COMMAND_SERVICE_OWNER_GROUP:
        return err_set(err, ERR_CONFIG, "request to use mail system owner group id %ld",
                       (long)rights->gid);
    default:
        return user_rights_are_ours(rights, err);
    }
}

bool spawn_attributes_parse(char *const *args, const char *mail_owner, struct spawn_attributes *ret,
                            struct err *err)
{
    bool has_user = false;
    *ret = (struct spawn_attributes){0};
    for (; args && *args && ret->command.count == 0; args++) {
        struct slice word = slice_of(*args);
        if (slice_starts(word, "user=")) {
            if (!set_user(ret, *args + strlen("user="), err))
                return false;
            has_user = true;
        } else if (slice_starts(word, "argv=")) {
            argv_add(&ret->command, *args + strlen("argv="));
            while (args[1])
                argv_add(&ret->command, *++args);
        } else {
            return err_set(err, ERR_CONFIG, "unknown attribute name: %s", *args);
        }
    }
    if (!has_user)
        return err_set(err, ERR_CONFIG, "missing user= attribute");
    if (ret->command.count == 0)
        return err_set(err, ERR_CONFIG, "missing argv= attribute");
    return check_rights(&ret->rights, mail_owner, err);
}

void spawn_attributes_done(struct spawn_attributes *a)
{
    argv_done(&a->command);
}
