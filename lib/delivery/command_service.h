/*
 * command_service: what services of master.cf that run commands have in common: whose rights the
 * command gets, how long it may run, its environment.
 */
#ifndef DELIVERY_COMMAND_SERVICE_H
#define DELIVERY_COMMAND_SERVICE_H

#include "base/argv.h"
#include "delivery/user_rights.h"

struct config;

/* What is wrong with a user=; each program has its own words for it. */
enum command_service_fault {
    COMMAND_SERVICE_FINE,
    COMMAND_SERVICE_NO_USER, /* there is no such one */
    COMMAND_SERVICE_NO_GROUP,
    COMMAND_SERVICE_ROOT,
    COMMAND_SERVICE_ROOT_GROUP,
    COMMAND_SERVICE_OWNER, /* of the queue */
    COMMAND_SERVICE_OWNER_GROUP,
};
enum { COMMAND_SERVICE_NAME_MAX = 256 };

/* USER or USER:GROUP. RET_NAME (COMMAND_SERVICE_NAME_MAX bytes, cut off there): the name that a
 * fault is about. */
enum command_service_fault command_service_user(const char *value, struct user_rights *ret,
                                                char *ret_name);
/* The rights of the super-user, or of those who own the queue, are for no command. An instance that
 * runs without root acts for its owner alone. */
enum command_service_fault command_service_check(const struct user_rights *rights,
                                                 const char *mail_owner);

/* SERVICE_time_limit. */
bool command_service_time_limit(const struct config *cfg, const char *service, int64_t *ret_seconds,
                                struct err *err);
/* export_environment and a PATH, added to ENV. */
bool command_service_environment(struct argv *env, struct err *err);

#endif
