/* postmulti(1): several instances on one host: make and remove them, run commands for them. */
#include "postmulti/postmulti.h"

#include "config/clean_env.h"
#include "config/common_params.h"
#include "config/config.h"
#include "config/log_setup.h"
#include "log/log.h"
#include "postmulti/postmulti_params.h"

#include <getopt.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] =
    "Usage:postmulti -l [-v] [-a] [-g group] [-i instance] | "
    "postmulti -p [-v] [-a] [-g group] [-i instance] command... | "
    "postmulti -x [-v] [-a] [-i name] [-g group] command... | "
    "postmulti -e action [-v] [-a] [-i name] [-g group] [-I name] [-G group] [param=value ...]";

struct choice {
    const char *action; /* -e */
    bool list, postfix, command;
    int modes, selections;
};

static void read_options(struct postmulti *pm, struct choice *choice, int argc, char **argv)
{
    int option;
    while ((option = getopt(argc, argv, "+ae:g:i:G:I:lpRvx")) > 0) {
        switch (option) {
        case 'a':
            pm->first = true;
            choice->selections++;
            break;
        case 'e':
            choice->action = optarg;
            choice->modes++;
            break;
        case 'g':
            pm->selected.group = optarg;
            choice->selections++;
            break;
        case 'i':
            pm->selected.name = optarg;
            choice->selections++;
            break;
        case 'G':
            pm->new_group = optarg;
            break;
        case 'I':
            pm->new_name = optarg;
            break;
        case 'l':
            choice->list = true;
            choice->modes++;
            break;
        case 'p':
            choice->postfix = true;
            choice->modes++;
            break;
        case 'R':
            pm->reverse = true;
            break;
        case 'v':
            pm->verbose++;
            break;
        case 'x':
            choice->command = true;
            choice->modes++;
            break;
        default:
            log_fatal("%s", usage);
        }
    }
}

static void check_options(const struct postmulti *pm, const struct choice *choice, bool has_words)
{
    if (choice->modes != 1)
        log_fatal("Specify exactly one of '-e', '-l', '-p', '-x'");
    if (choice->selections > 1)
        log_fatal("Specify no more than one of '-a', '-g', '-i'");
    if (pm->reverse && (choice->postfix || choice->action))
        log_fatal("The '-p' and '-e' options preclude the use of '-R'");
    if (choice->list && has_words)
        log_fatal("Command not allowed with '-l'");
    if ((choice->postfix || choice->command) && !has_words)
        log_fatal("Command required with '-p' or '-x' option");
    if (!choice->action && (pm->new_name || pm->new_group))
        log_fatal("Only specify the '-I' or '-G' options with '-e'");
    if (choice->action && !postmulti_is_action(choice->action))
        log_fatal("Invalid '-e' edit action '%s'. Specify 'create', 'destroy', 'import', 'deport', "
                  "'enable', 'disable', 'assign' or 'init'",
                  choice->action);
}

/* Only the default directory can be that of the primary instance. */
static const char *primary_dir(void)
{
    const char *asked = getenv("MAIL_CONFIG");
    CLEANUP(strbuf_done) struct strbuf given = STRBUF_ANY;
    strbuf_add_str(&given, asked ? asked : "");
    unsetenv("MAIL_CONFIG");
    const char *dir = config_choose_dir(NULL);
    if (given.len > 0 && strcmp(given.s, dir) != 0)
        log_fatal("Non-default configuration directory: %s=%s", "MAIL_CONFIG", given.s);
    return dir;
}

int main(int argc, char **argv)
{
    struct postmulti pm = {0};
    struct choice choice = {0};
    struct err err = ERR_INIT;
    int status;

    umask(022);
    log_setup_early("postmulti", LOG_SETUP_STDERR);
    read_options(&pm, &choice, argc, argv);
    check_options(&pm, &choice, optind < argc);
    const char *dir = primary_dir();
    struct config *config = config_new(dir);
    config_set_default(config, "process_name", "postmulti");
    config_declare(config, postmulti_param_rows);
    if (!config_load(config, &err) || !common_params_load(config, &err) ||
        !params_load(config, postmulti_param_rows, &postmulti_params, &err) ||
        !clean_env_update(common_params.import_environment, &err))
        log_fatal("%s", err.reason);
    log_setup_command("postmulti", LOG_SETUP_STDERR | LOG_SETUP_FILE);
    log_setup_export();
    if (!instances_load(&pm.all, dir, common_params.multi_instance_directories, &err))
        log_fatal("%s", err.reason);
    if (choice.list)
        status = postmulti_list(&pm);
    else if (choice.command)
        status = postmulti_each(&pm, argv + optind);
    else if (choice.postfix)
        status = postmulti_postfix(&pm, argv + optind);
    else
        status = postmulti_edit(&pm, choice.action, argv + optind);
    instances_done(&pm.all);
    params_done(postmulti_param_rows, &postmulti_params);
    params_done(common_param_rows, &common_params);
    config_free(config);
    return status;
}
