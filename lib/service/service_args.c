/* The command line master gives a service; see docs/protocol/master.md. */
#include "base/num.h"
#include "base/xmem.h"
#include "log/log.h"
#include "service/service_private.h"

#include <getopt.h>
#include <unistd.h>

static int service_args_count(char option, const char *text)
{
    int64_t value;
    if (!num_parse_i64(slice_of(text), &value) || value < 0 || value > INT32_MAX)
        log_fatal("bad -%c option: %s", option, text);
    return (int)value;
}

static void service_args_override(struct config *config, const char *text)
{
    struct slice name = SLICE_EMPTY, value = SLICE_EMPTY;
    const char *mistake;
    if (!config_split(slice_of(text), &name, &value, &mistake))
        log_fatal("invalid \"-o %s\" option value: %s", text, mistake);
    CLEANUP(xfree_ptr) char *name_text = slice_dup(name);
    CLEANUP(xfree_ptr) char *value_text = slice_dup(value);
    config_override(config, name_text, value_text);
}

void service_args_parse(struct service_args *args, const struct service *service,
                        struct config *config, int argc, char **argv)
{
    *args = (struct service_args){.instance = service->name, .type = "unix", .process_limit = 1};
    int option;
    opterr = 0; /* we say it in the log */
    while ((option = getopt(argc, argv, MASTER_OPTIONS "S")) > 0) {
        switch (option) {
        case MASTER_OPT_NAME:
            args->instance = optarg;
            break;
        case MASTER_OPT_TYPE:
            args->type = optarg;
            break;
        case MASTER_OPT_SOCKETS:
            args->socket_count = service_args_count('s', optarg);
            break;
        case MASTER_OPT_LIMIT:
            args->process_limit = service_args_count('m', optarg);
            break;
        case MASTER_OPT_LEFT:
            args->clients_left = service_args_count('l', optarg);
            break;
        case MASTER_OPT_UNPRIVILEGED:
            args->unprivileged = true;
            break;
        case MASTER_OPT_CHROOT:
            args->chroot = true;
            break;
        case MASTER_OPT_VERBOSE:
            args->verbose++;
            break;
        case MASTER_OPT_DEBUG:
            break; /* master has started the debugger on this process */
        case MASTER_OPT_PARAMETER:
            service_args_override(config, optarg);
            break;
        case 'S':
            args->on_stdin = true;
            break;
        default:
            log_fatal("invalid option: %c", optopt);
        }
    }
    args->rest = argv + optind;
    if (optind < argc && !service->takes_arguments)
        log_fatal("unexpected command-line argument: %s", argv[optind]);
    if (!args->on_stdin && args->socket_count == 0)
        log_fatal("this program is started by master(8), not by hand");
}
