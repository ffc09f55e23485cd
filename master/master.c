/* master(8): starts the services of master.cf when they are needed and looks after them. */
#include "master/master.h"

#include "base/clock.h"
#include "config/clean_env.h"
#include "config/common_params.h"
#include "config/config.h"
#include "config/log_setup.h"
#include "io/fd.h"
#include "log/log.h"
#include "master/master_start.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

static const char safe_path[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

struct master master;
static bool is_init;

static void on_sigchld(void *owner, int signum)
{
    (void)owner;
    (void)signum;
    master_reap();
}

static void on_sighup(void *owner, int signum)
{
    (void)owner;
    (void)signum;
    master_reload();
}

static NORETURN void end_family(void)
{
    log_flush();
    signal(SIGTERM, SIG_IGN);
    for (struct master_service *at = master.services; at; at = at->next)
        for (struct master_child *child = at->children; child; child = child->next)
            kill(child->pid, SIGTERM);
    /* also those that a service has started */
    if (!is_init && getpgrp() == getpid())
        kill(0, SIGTERM);
    _exit(0);
}

static void on_sigterm(void *owner, int signum)
{
    (void)owner;
    log_info(NULL, "terminating on signal %d", signum);
    end_family();
}

/* -e: the processes end when they find master gone */
static void on_exit_time(void *owner)
{
    (void)owner;
    log_info(NULL, "master exit time has arrived");
    log_flush();
    _exit(0);
}

static void open_standard_files(void)
{
    int fd;
    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    fd_done(&fd);
    /* what a careless caller left open is not for services */
    close_range(STDERR_FILENO + 1, ~0u, 0);
}

/* Root, or the mail owner, who then can do what needs no privilege. */
static void check_user(void)
{
    if (getuid() != geteuid() || getgid() != getegid())
        log_fatal("the master command must not run as a set-uid process");
    master.is_root = geteuid() == 0;
    if (master.is_root)
        return;
    struct passwd *owner = getpwnam(common_params.mail_owner);
    if (!owner || owner->pw_uid != geteuid())
        log_fatal("the master command is reserved for the superuser, or the user that "
                  "mail_owner names");
}

static void set_environment(void)
{
    struct err err = ERR_INIT;
    if (!clean_env_apply(common_params.import_environment, &err))
        log_fatal("import_environment: %s", err.reason);
    setenv("MAIL_CONFIG", config_dir(master.config), 1);
    setenv("PATH", safe_path, 1);
    log_setup_export();
}

static void read_config(const struct master_options *options)
{
    struct err err = ERR_INIT;
    const char *dir = config_choose_dir(options->config_dir);
    if (options->config_dir && options->config_dir[0] != '/')
        log_fatal("-c requires absolute pathname");
    if (!master_load_config(dir, &err))
        log_fatal("%s", err.reason);
}

static void start_loop(const struct master_options *options)
{
    struct err err = ERR_INIT;
    master.loop = loop_new();
    signal(SIGPIPE, SIG_IGN);
    watch_signal(master.loop, SIGCHLD, on_sigchld, NULL);
    watch_signal(master.loop, SIGHUP, on_sighup, NULL);
    watch_signal(master.loop, SIGTERM, on_sigterm, NULL);
    if (is_init || options->keeps_stdout)
        watch_signal(master.loop, SIGINT, on_sigterm, NULL);
    if (options->exit_seconds > 0)
        timer_start(timer_new(master.loop, on_exit_time, NULL), options->exit_seconds * 1000);
    if (!master_apply_table(&err))
        log_fatal("%s", err.reason);
}

int main(int argc, char **argv)
{
    struct master_options options = {0};
    struct err err = ERR_INIT;

    open_standard_files();
    log_setup_early("master", LOG_SETUP_TERMINAL);
    master_options_parse(&options, argc, argv);
    read_config(&options);
    if (options.is_test)
        return master_lock_test() ? 0 : 1;
    is_init = options.is_init;
    master.keeps_output = options.keeps_stdout || options.stays;
    master.debug = options.debug || getenv("MAIL_DEBUG");
    master.verbose = options.verbose;
    check_user();
    umask(077);
    set_environment();
    log_setup_writer("master");
    if (options.waits)
        master_start_background();
    master_start_detach(&options);
    if (common_params.maillog_file[0] && !log_setup_check_file(&err))
        log_fatal("%s", err.reason);
    if (chdir(common_params.queue_directory) < 0)
        log_fatal("chdir %s: %s", common_params.queue_directory, strerror(errno));
    if (!master_lock_take(&err))
        log_fatal("%s", err.reason);
    start_loop(&options);
    log_info(NULL, "daemon started -- version %s, configuration %s", common_params.mail_version,
             config_dir(master.config));
    log_flush();
    master_start_done();
    loop_run(master.loop);
    return 0;
}
