/* postlock(1): run a command while a mailbox is locked as local delivery locks it. */
#include "postlock/postlock_lock.h"

#include "config/clean_env.h"
#include "config/common_params.h"
#include "config/config.h"
#include "config/log_setup.h"
#include "log/log.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

enum { CANNOT_RUN = 1 };

static const struct postlock_lock *held;

static void on_signal(int signum)
{
    (void)signum;
    postlock_unlock(held);
    _exit(EX_TEMPFAIL);
}

static pid_t start(char **command)
{
    for (int64_t attempt = 1;; attempt++) {
        pid_t pid = fork();
        if (pid >= 0)
            return pid;
        if (attempt >= common_params.fork_attempts)
            log_fatal_status(EX_TEMPFAIL, "fork %s: %s", command[0], strerror(errno));
        sleep((unsigned)common_params.fork_delay);
    }
}

static int run(char **command)
{
    int status;
    log_flush();
    pid_t pid = start(command);
    if (pid == 0) {
        execvp(command[0], command);
        log_error(NULL, "execvp %s: %s", command[0], strerror(errno));
        log_flush();
        _exit(CANNOT_RUN);
    }
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return EX_TEMPFAIL;
    return WIFEXITED(status) ? WEXITSTATUS(status) : CANNOT_RUN;
}

static void load(const char *dir)
{
    struct err err = ERR_INIT;
    struct config *config = config_new(config_choose_dir(dir));
    config_set_default(config, "process_name", "postlock");
    if (!config_load(config, &err) || !common_params_load(config, &err) ||
        !clean_env_update(common_params.import_environment, &err))
        log_fatal_status(EX_TEMPFAIL, "%s", err.reason);
    /* the command is the user's, and so is its environment; it may be one of ours */
    if (dir)
        setenv("MAIL_CONFIG", dir, 1);
    setenv("MAIL_LOGTAG", common_params.syslog_name, 1);
    config_free(config);
}

static NORETURN void usage(const char *name)
{
    log_fatal_status(EX_TEMPFAIL,
                     "usage: %s [-c config_dir] [-l lock_style] [-v] folder command...", name);
}

int main(int argc, char **argv)
{
    struct err err = ERR_INIT;
    const char *dir = NULL, *styles = NULL;
    int option;

    log_setup_early("postlock", LOG_SETUP_STDERR);
    while ((option = getopt(argc, argv, "+c:l:v")) > 0) {
        if (option == 'c')
            dir = optarg;
        else if (option == 'l')
            styles = optarg;
        else if (option != 'v')
            usage(argv[0]);
    }
    if (argc - optind < 2)
        usage(argv[0]);
    load(dir);

    struct postlock_lock lock;
    if (!postlock_take(&lock, argv[optind], styles ? styles : common_params.mailbox_delivery_lock,
                       &err))
        log_fatal_status(EX_TEMPFAIL, "%s", err.reason);
    held = &lock;
    signal(SIGTERM, on_signal);
    signal(SIGHUP, on_signal);
    signal(SIGINT, SIG_IGN); /* the command gets it too and decides */
    int status = run(argv + optind + 1);
    postlock_unlock(&lock);
    params_done(common_param_rows, &common_params);
    return status;
}
