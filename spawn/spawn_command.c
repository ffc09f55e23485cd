/*
 * One command at a time, watched from the event loop, so that orders of master are heard while it
 * runs: it may run for as long as its client likes.
 *
 * A process that is stopped or dies leaves the command to its client, which it is connected to; the
 * command sees the end of its input when the client goes.
 */
#include "spawn/spawn_command.h"

#include "delivery/command_run.h"
#include "delivery/command_service.h"
#include "io/fd.h"
#include "log/log.h"
#include "service/service.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { COMPLAINT_MAX = 1024 };

static struct {
    struct command_run run;
    struct argv environment;
    struct watch *children;
    struct timer *limit;
    pid_t pid;      /* 0: no command */
    int complaints; /* what a child says that could not become the command; -1: nothing */
    bool is_killed; /* its time was over */
} spawned = {.complaints = -1};

bool spawn_command_setup(const struct config *cfg, const struct spawn_attributes *a,
                         struct err *err)
{
    struct command_run *run = &spawned.run;
    *run = (struct command_run){.command = a->command.at[0],
                                .argv = a->command.at,
                                .rights = a->rights,
                                .environment = &spawned.environment};
    return command_service_time_limit(cfg, service_instance(), &run->time_limit_s, err) &&
           command_service_environment(&spawned.environment, err);
}

/* True: the child never became the command. */
static bool log_complaint(void)
{
    char text[COMPLAINT_MAX];
    ssize_t n = read(spawned.complaints, text, sizeof text);
    if (n <= 0)
        return false;
    log_warn(NULL, "command %s not started: %.*s", spawned.run.command,
             SLICE_ARG(slice_trim((struct slice){text, (size_t)n})));
    return true;
}

static void log_end(int status)
{
    enum { NOT_STARTED_STATUS = 1 }; /* as Postfix has it */
    bool is_started = !log_complaint();
    if (spawned.is_killed)
        return; /* said when it was done */
    if (WIFSIGNALED(status))
        log_warn(NULL, "command %s killed by signal %d", spawned.run.command, WTERMSIG(status));
    else if (WEXITSTATUS(status) != 0)
        log_warn(NULL, "command %s exit status %d", spawned.run.command,
                 is_started ? WEXITSTATUS(status) : NOT_STARTED_STATUS);
}

static void spawn_finish(void)
{
    timer_stop(spawned.limit);
    fd_done(&spawned.complaints);
    spawned.complaints = -1;
    spawned.pid = 0;
    service_client_done();
}

static void on_child(void *owner, int signum)
{
    (void)owner;
    (void)signum;
    int status;
    if (spawned.pid == 0 || waitpid(spawned.pid, &status, WNOHANG) != spawned.pid)
        return;
    log_end(status);
    spawn_finish();
}

static void on_limit(void *owner)
{
    (void)owner;
    log_warn(NULL, "%s: process id %ld: command time limit exceeded", spawned.run.command,
             (long)spawned.pid);
    spawned.is_killed = true;
    kill(-spawned.pid, SIGKILL); /* with all it started */
    kill(spawned.pid, SIGKILL);  /* it may not have come to setsid() */
}

void spawn_command_watch(void)
{
    spawned.children = watch_signal(service_loop(), SIGCHLD, on_child, NULL);
    spawned.limit = timer_new(service_loop(), on_limit, NULL);
}

void spawn_command_on_connect(int client)
{
    CLEANUP(fd_done) int fd = client;
    int complaints[2];
    spawned.is_killed = false;
    /* commands expect descriptors that block */
    if (!fd_set_nonblocking(fd, false) || pipe2(complaints, O_CLOEXEC | O_NONBLOCK) < 0) {
        log_warn(NULL, "command %s not started: %s", spawned.run.command, strerror(errno));
        service_client_done();
        return;
    }
    spawned.complaints = complaints[0];
    spawned.pid = fork();
    if (spawned.pid == 0)
        command_run_child(&spawned.run, fd, fd, complaints[1]);
    close(complaints[1]);
    if (spawned.pid < 0) {
        log_warn(NULL, "fork: %s", strerror(errno));
        spawn_finish();
        return;
    }
    timer_start(spawned.limit, spawned.run.time_limit_s * 1000);
}

void spawn_command_done(void)
{
    watch_free(spawned.children);
    timer_free(spawned.limit);
    fd_done(&spawned.complaints);
    argv_done(&spawned.environment);
}
