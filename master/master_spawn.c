#include "master/master.h"

#include "base/clock.h"
#include "base/xmem.h"
#include "config/common_params.h"
#include "io/fd.h"
#include "log/log.h"
#include "service/master_proto.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* In the new process: no exit handlers, which belong to master. */
static NORETURN PRINTF(1, 2) void child_fatal(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    log_line(LOG_LEVEL_FATAL, NULL, fmt, ap);
    va_end(ap);
    _exit(1);
}

/* Out of the way of the numbers that the process expects. Ends the child when it cannot. */
static int lift(int fd, int above)
{
    int lifted = fcntl(fd, F_DUPFD_CLOEXEC, above);
    if (lifted < 0)
        child_fatal("move descriptor %d: %s", fd, strerror(errno));
    return lifted;
}

static void place(int fd, int number)
{
    if (dup2(fd, number) < 0)
        child_fatal("dup2 descriptor %d: %s", number, strerror(errno));
}

static void place_descriptors(const struct master_service *service, int status_fd)
{
    int above = MASTER_FD_LISTEN + (int)service->listener_count;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0)
        child_fatal("open /dev/null: %s", strerror(errno));
    null = lift(null, above);
    status_fd = lift(status_fd, above);
    int *listen = xrealloc_array(NULL, service->listener_count + 1, sizeof *listen);
    for (size_t i = 0; i < service->listener_count; i++)
        listen[i] = lift(service->listeners[i].fd, above);
    place(null, STDIN_FILENO);
    if (!master.keeps_output) {
        place(null, STDOUT_FILENO);
        place(null, STDERR_FILENO);
    }
    place(status_fd, MASTER_FD_STATUS);
    place(null, MASTER_FD_RESERVED);
    for (size_t i = 0; i < service->listener_count; i++)
        place(listen[i], MASTER_FD_LISTEN + (int)i);
    free(listen);
}

/* Until exec, the loop's handlers would tell master of signals that are meant for this process. */
static void unblock_signals(void)
{
    static const int handled[] = {SIGCHLD, SIGHUP, SIGINT, SIGPIPE, SIGTERM};
    sigset_t none;
    for (size_t i = 0; i < COUNT_OF(handled); i++)
        signal(handled[i], SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static NORETURN void run_child(const struct master_service *service, int status_fd)
{
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_ANY;
    CLEANUP(argv_done) struct argv argv = ARGV_INIT;
    bool stress = clock_now_ms() < service->stress_until_ms;
    strbuf_addf(&path, "%s/%s", common_params.daemon_directory, service->program);
    master_args_build(service, stress, master.verbose, master.debug, master.is_root, &argv);

    log_reopen(); /* its number may be one that the process expects */
    place_descriptors(service, status_fd);
    unblock_signals();
    execv(path.s, argv.at);
    child_fatal("exec %s: %s", path.s, strerror(errno));
}

static void pause_service(struct master_service *service, const char *what)
{
    log_warn(NULL, "%s: %s -- throttling", what, strerror(errno));
    service->throttle.is_on = true;
    timer_start(service->throttle_timer, common_params.service_throttle_time * 1000);
    master_service_update(service);
}

/* -D: debugger_command with process_name and process_id, for the process just started */
static void start_debugger(const struct master_service *service, pid_t pid)
{
    if (!master.debug || common_params.debugger_command[0] == 0)
        return;
    CLEANUP(strbuf_done) struct strbuf id = STRBUF_ANY;
    strbuf_addf(&id, "%d", (int)pid);
    sigset_t all, old;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &old);
    pid_t debugger = fork();
    if (debugger != 0) {
        sigprocmask(SIG_SETMASK, &old, NULL);
        return;
    }
    unblock_signals();
    setenv("process_name", service->program, 1);
    setenv("process_id", id.s, 1);
    execl("/bin/sh", "sh", "-c", common_params.debugger_command, (char *)NULL);
    child_fatal("exec /bin/sh: %s", strerror(errno));
}

void master_spawn(struct master_service *service)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
        pause_service(service, "socketpair");
        return;
    }
    sigset_t all, old;
    sigfillset(&all);
    log_flush(); /* or both processes would send what is pending */
    sigprocmask(SIG_BLOCK, &all, &old);
    pid_t pid = fork();
    if (pid == 0)
        run_child(service, ends[1]);
    int saved = errno;
    sigprocmask(SIG_SETMASK, &old, NULL);
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        errno = saved;
        pause_service(service, "fork");
        return;
    }
    master_child_new(service, pid, ends[0]);
    start_debugger(service, pid);
    master_service_update(service);
}
