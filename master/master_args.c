/* The command line of a service process; lib/service/master_proto.h names the options. */
#include "master/master.h"

#include "service/master_proto.h"

static void add_option(struct argv *argv, char option)
{
    argv_addf(argv, "-%c", option);
}

void master_args_build(const struct master_service *service, bool stress, int verbose, bool debug,
                       bool is_root, struct argv *argv)
{
    argv_add(argv, service->program);
    add_option(argv, MASTER_OPT_NAME);
    argv_add(argv, service->name);
    add_option(argv, MASTER_OPT_TYPE);
    argv_add(argv, service_type_name(service->type));
    add_option(argv, MASTER_OPT_SOCKETS);
    argv_addf(argv, "%zu", service->listener_count);
    add_option(argv, MASTER_OPT_LIMIT);
    argv_addf(argv, "%d", service->max_processes);
    if (service->max_processes > 0) {
        add_option(argv, MASTER_OPT_LEFT);
        argv_addf(argv, "%lld", (long long)master_load_left(service));
    }
    if (service->is_unprivileged && is_root)
        add_option(argv, MASTER_OPT_UNPRIVILEGED);
    if (service->is_chroot && is_root)
        add_option(argv, MASTER_OPT_CHROOT);
    for (int i = 0; i < verbose; i++)
        add_option(argv, MASTER_OPT_VERBOSE);
    if (debug)
        add_option(argv, MASTER_OPT_DEBUG);
    if (service->type == SERVICE_INET) {
        add_option(argv, MASTER_OPT_PARAMETER);
        argv_add(argv, stress ? "stress=yes" : "stress=");
    }
    for (size_t i = 0; i < service->args.count; i++)
        argv_add(argv, service->args.at[i]);
}
