/*
 * spawn: runs a command for each client of a service, as inetd does (spawn(8)); policy servers are
 * made so. What the client and the command say to each other does not come through here.
 */
#include "spawn/spawn_attributes.h"
#include "spawn/spawn_command.h"

#include "config/common_params.h"
#include "log/log.h"
#include "service/service.h"

static struct spawn_attributes attributes;

static void before_jail(struct config *cfg)
{
    struct err err = ERR_INIT;
    if (!spawn_attributes_parse(service_arguments(), common_params.mail_owner, &attributes, &err) ||
        !spawn_command_setup(cfg, &attributes, &err))
        log_fatal("%s", err.reason);
}

static void after_jail(struct config *cfg)
{
    (void)cfg;
    spawn_command_watch();
}

static void on_exit_hook(void)
{
    spawn_command_done();
    spawn_attributes_done(&attributes);
}

int main(int argc, char **argv)
{
    static const struct service service = {
        .name = "spawn",
        .model = SERVICE_ONE_CLIENT,
        .keep_root = true, /* to become the user of the command */
        .takes_arguments = true,
        .before_jail = before_jail,
        .after_jail = after_jail,
        .on_connect = spawn_command_on_connect,
        .on_exit = on_exit_hook,
    };
    return service_main(&service, argc, argv);
}
