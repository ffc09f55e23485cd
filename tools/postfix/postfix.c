/* postfix(1): start, stop and look after the mail system. */
#include "postfix/postfix.h"

#include "config/clean_env.h"
#include "config/compat_level.h"
#include "config/common_params.h"
#include "config/config.h"
#include "config/log_setup.h"
#include "log/log.h"

#include <fcntl.h>
#include <getopt.h>
#include <sys/stat.h>
#include <unistd.h>

static const char safe_path[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

static const struct {
    const char *name;
    int (*run)(const struct postfix *postfix);
} commands[] = {
    {"start", postfix_start},
    {"start-fg", postfix_start_fg},
    {"stop", postfix_stop},
    {"quick-start", postfix_quick_start},
    {"quick-stop", postfix_stop},
    {"abort", postfix_abort},
    {"reload", postfix_reload},
    {"flush", postfix_flush},
    {"check", postfix_check},
    {"status", postfix_status},
    {"set-permissions", postfix_set_permissions},
    {"upgrade-configuration", postfix_upgrade},
    {"post-install", postfix_post_install},
    {"logrotate", postfix_logrotate},
    {"tls", postfix_tls},
};

/* Commands of the manual that this release does not have. */
static const char *const not_built[] = {"non-bdb"};

static int run_command(const struct postfix *postfix, const char *name)
{
    for (size_t i = 0; i < COUNT_OF(commands); i++)
        if (strcmp(commands[i].name, name) == 0)
            return commands[i].run(postfix);
    for (size_t i = 0; i < COUNT_OF(not_built); i++)
        if (strcmp(not_built[i], name) == 0)
            log_fatal("the '%s' command is not part of this release", name);
    log_fatal("unknown command: '%s'. Usage: postfix start (or stop, reload, abort, flush, check, "
              "status, set-permissions, upgrade-configuration, logrotate)",
              name);
}

static void open_standard_files(void)
{
    int fd;
    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

/* The group of instances has a manager, unless one instance is named by -c or MAIL_CONFIG. */
static void run_wrapper(char **words)
{
    CLEANUP(argv_done) struct argv argv = ARGV_INIT;
    if (common_params.multi_instance_directories[0] == 0 ||
        common_params.multi_instance_wrapper[0] == 0)
        return;
    argv_add_items(&argv, common_params.multi_instance_wrapper);
    for (; *words; words++)
        argv_add(&argv, *words);
    postfix_exec(&argv);
}

static void load(struct postfix *postfix)
{
    struct err err = ERR_INIT;
    postfix->config = config_new(postfix->dir);
    config_set_default(postfix->config, "process_name", "postfix");
    if (!config_load(postfix->config, &err) || !common_params_load(postfix->config, &err) ||
        !clean_env_apply(common_params.import_environment, &err))
        log_fatal("%s", err.reason);
    setenv("PATH", safe_path, 1);
}

static void check_user(struct postfix *postfix)
{
    postfix->is_root = geteuid() == 0;
    if (postfix->is_root || postfix_mail_uid() == geteuid())
        return;
    log_error(NULL, "to submit mail, use the Postfix sendmail command");
    log_fatal("the postfix command is reserved for the superuser");
}

/* The safety net of an upgrade: an old main.cf keeps the defaults it was written for. */
static void say_compat_level(void)
{
    if (!compat_level_is_below(common_params.compatibility_level, COMPAT_LEVEL_LAST))
        return;
    log_setup_command("postfix", LOG_SETUP_TERMINAL | LOG_SETUP_FILE | LOG_SETUP_FULL_TAG);
    log_info(NULL, "Postfix is using backwards-compatible default settings");
    log_info(NULL, "See http://www.postfix.org/COMPATIBILITY_README.html for details");
    log_info(NULL,
             "To disable backwards compatibility use \"postconf compatibility_level=%s\" and "
             "\"postfix reload\"",
             COMPAT_LEVEL_LAST);
}

int main(int argc, char **argv)
{
    struct postfix postfix = {0};
    const char *dir_option = NULL;
    bool debug = false;
    int option;

    open_standard_files();
    umask(022);
    log_setup_early("postfix", LOG_SETUP_STDERR);
    while ((option = getopt(argc, argv, "+c:Dv")) > 0) {
        switch (option) {
        case 'c':
            if (optarg[0] != '/')
                log_fatal("-c requires absolute pathname");
            dir_option = optarg;
            break;
        case 'D':
            debug = true;
            break;
        case 'v':
            postfix.verbose++;
            break;
        default:
            log_fatal("usage: postfix [-c config_dir] [-Dv] command");
        }
    }
    postfix.dir = config_choose_dir(dir_option);
    bool is_one_instance = dir_option || getenv("MAIL_CONFIG");
    load(&postfix);
    check_user(&postfix);
    if (!is_one_instance)
        run_wrapper(argv + optind);
    setenv("MAIL_CONFIG", postfix.dir, 1);
    log_setup_export();
    if (debug)
        setenv("MAIL_DEBUG", "", 1);
    if (postfix.verbose)
        setenv("MAIL_VERBOSE", "", 1);
    say_compat_level();
    log_setup_command("postfix-script", LOG_SETUP_TERMINAL | LOG_SETUP_FILE | LOG_SETUP_FULL_TAG);
    log_setup_say_warnings(postfix.config);
    if (common_params.maillog_file[0]) {
        struct err err = ERR_INIT;
        if (!log_setup_check_file(&err))
            log_fatal("%s", err.reason);
    }
    const char *name = optind < argc ? argv[optind] : "";
    postfix.args = argv + MIN(optind + 1, argc);
    int status = run_command(&postfix, name);
    params_done(common_param_rows, &common_params);
    config_free(postfix.config);
    return status;
}
