/* start, stop and the like: signals to master, and waiting for what they bring about. */
#include "postfix/postfix.h"

#include "base/num.h"
#include "config/common_params.h"
#include "io/deadline.h"
#include "io/fd.h"
#include "log/log.h"
#include "postfix/postfix_jail.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

enum {
    STOP_TRIES = 5, /* seconds until force is used */
    POLL_US = 20 * 1000,
    FORCE_MS = 2000,
};

/* The lock tells whether master runs; the number in the file tells which process it is. */
pid_t postfix_master_pid(void)
{
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_ANY;
    char text[64];
    uint64_t pid;
    strbuf_addf(&path, "%s/%s/master.pid", common_params.queue_directory,
                common_params.process_id_directory);
    CLEANUP(fd_done) int fd = open(path.s, O_RDWR | O_CLOEXEC);
    if (fd < 0 && errno != ENOENT && errno != ENOTDIR)
        log_fatal("open %s: %s", path.s, strerror(errno));
    if (fd < 0 || fd_lock(fd, true, false))
        return 0;
    ssize_t n = read(fd, text, sizeof text);
    struct slice number = slice_trim((struct slice){text, n > 0 ? (size_t)n : 0});
    if (!num_parse_u64(number, 10, &pid) || pid < 1 || pid > INT32_MAX)
        log_fatal("%s: no process id in it, although it is locked", path.s);
    return (pid_t)pid;
}

static pid_t need_master(void)
{
    pid_t pid = postfix_master_pid();
    if (pid == 0)
        log_fatal("the Postfix mail system is not running");
    return pid;
}

static void send_signal(pid_t pid, int signum)
{
    if (kill(pid, signum) < 0)
        log_fatal("cannot send signal %d to process %d: %s", signum, (int)pid, strerror(errno));
}

static bool wait_until_gone(int64_t ms)
{
    struct deadline deadline = deadline_in_ms(ms);
    while (postfix_master_pid() != 0) {
        if (deadline_left_ms(deadline) == 0)
            return false;
        usleep(POLL_US);
    }
    return true;
}

static void master_command(const struct postfix *postfix, const char *option, struct argv *argv)
{
    argv_addf(argv, "%s/master", common_params.daemon_directory);
    if (option)
        argv_add(argv, option);
    for (int i = 0; i < postfix->verbose; i++)
        argv_add(argv, "-v");
    if (getenv("MAIL_DEBUG"))
        argv_add(argv, "-D");
    if (!postfix_can_run(argv->at[0]))
        log_fatal("cannot run %s: %s", argv->at[0], strerror(errno));
}

static void need_no_master(void)
{
    if (postfix_master_pid() != 0)
        log_fatal("the Postfix mail system is already running");
}

static int start_master(const struct postfix *postfix)
{
    CLEANUP(argv_done) struct argv argv = ARGV_INIT;
    log_info(NULL, "starting the Postfix mail system");
    master_command(postfix, "-w", &argv);
    if (postfix_run(&argv) != 0)
        log_fatal("mail system startup failed");
    return 0;
}

int postfix_quick_start(const struct postfix *postfix)
{
    need_no_master();
    postfix_jail_update(postfix);
    return start_master(postfix);
}

int postfix_start(const struct postfix *postfix)
{
    need_no_master();
    postfix_check_for_start(postfix);
    return start_master(postfix);
}

int postfix_start_fg(const struct postfix *postfix)
{
    CLEANUP(argv_done) struct argv argv = ARGV_INIT;
    if (common_params.multi_instance_directories[0])
        log_fatal("start-fg does not support multi_instance_directories");
    need_no_master();
    postfix_check_for_start(postfix);
    log_info(NULL, "starting the Postfix mail system");
    master_command(postfix, getpid() == 1 ? "-i" : "-s", &argv);
    postfix_exec(&argv);
}

int postfix_stop(const struct postfix *postfix)
{
    (void)postfix;
    pid_t pid = need_master();
    log_info(NULL, "stopping the Postfix mail system");
    send_signal(pid, SIGTERM);
    for (int i = 0; i < STOP_TRIES; i++) {
        if (wait_until_gone(1000))
            return 0;
        log_info(NULL, "waiting for the Postfix mail system to terminate");
    }
    log_warn(NULL, "stopping the Postfix mail system with force");
    if (getpgid(pid) == pid)
        kill(-pid, SIGKILL);
    kill(pid, SIGKILL);
    return wait_until_gone(FORCE_MS) ? 0 : 1;
}

int postfix_abort(const struct postfix *postfix)
{
    (void)postfix;
    pid_t pid = need_master();
    log_info(NULL, "aborting the Postfix mail system");
    send_signal(pid, SIGTERM);
    if (wait_until_gone(FORCE_MS))
        return 0;
    if (getpgid(pid) == pid)
        kill(-pid, SIGKILL);
    kill(pid, SIGKILL);
    return wait_until_gone(FORCE_MS) ? 0 : 1;
}

int postfix_reload(const struct postfix *postfix)
{
    pid_t pid = need_master();
    log_info(NULL, "refreshing the Postfix mail system");
    postfix_jail_update(postfix);
    send_signal(pid, SIGHUP);
    return 0;
}

int postfix_flush(const struct postfix *postfix)
{
    (void)postfix;
    CLEANUP(argv_done) struct argv argv = ARGV_INIT;
    argv_addf(&argv, "%s/postqueue", common_params.command_directory);
    argv_add(&argv, "-f");
    postfix_exec(&argv);
}

int postfix_status(const struct postfix *postfix)
{
    (void)postfix;
    pid_t pid = postfix_master_pid();
    if (pid != 0)
        log_info(NULL, "the Postfix mail system is running: PID: %d", (int)pid);
    else
        log_info(NULL, "the Postfix mail system is not running");
    return pid != 0 ? 0 : 1;
}
