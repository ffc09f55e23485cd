#include "master/master_start.h"

#include "base/num.h"
#include "io/fd.h"
#include "log/log.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

enum { INIT_WAIT_MS = 100 * 1000 };

static int done_fd = -1;

static NORETURN void usage(const char *name)
{
    log_fatal("usage: %s [-c config_dir] [-D (debug)] [-d (don't detach from terminal)] "
              "[-e exit_time] [-i (init mode)] [-s (keep stdout)] [-t (test)] [-v] "
              "[-w (wait for initialization)]",
              name);
}

void master_options_parse(struct master_options *options, int argc, char **argv)
{
    int option;
    while ((option = getopt(argc, argv, "c:De:distvw")) > 0) {
        switch (option) {
        case 'c':
            options->config_dir = optarg;
            break;
        case 'D':
            options->debug = true;
            break;
        case 'd':
            options->stays = true;
            break;
        case 'e':
            if (!num_parse_i64(slice_of(optarg), &options->exit_seconds) ||
                options->exit_seconds <= 0)
                log_fatal("bad exit time: %s", optarg);
            break;
        case 'i':
            if (getpid() != 1)
                log_fatal("-i is allowed only for PID 1 process");
            options->is_init = true;
            options->keeps_stdout = true;
            break;
        case 's':
            options->keeps_stdout = true;
            break;
        case 't':
            options->is_test = true;
            break;
        case 'v':
            options->verbose++;
            break;
        case 'w':
            options->waits = true;
            break;
        default:
            usage(argv[0]);
        }
    }
    if (optind < argc)
        usage(argv[0]);
    if (options->is_test && options->waits)
        log_fatal("the -t and -w options cannot be used together");
    if (options->is_init && (options->debug || options->stays || options->waits))
        log_fatal("the -i option cannot be used with -D, -d, or -w");
}

static NORETURN void wait_in_foreground(pid_t pid, int fd)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    char ok = 0;
    int ready;
    do {
        ready = poll(&wait, 1, INIT_WAIT_MS);
    } while (ready < 0 && errno == EINTR);
    if (ready == 0)
        log_fatal("Connection timed out while waiting for daemon initialization");
    if (read(fd, &ok, 1) == 1)
        _exit(0);
    /* master explains itself in the log before it goes */
    waitpid(pid, NULL, 0);
    log_fatal("daemon initialization failure -- see logs for details");
}

void master_start_background(void)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        log_fatal("pipe: %s", strerror(errno));
    pid_t pid = fork();
    if (pid < 0)
        log_fatal("fork: %s", strerror(errno));
    if (pid > 0) {
        close(ends[1]);
        wait_in_foreground(pid, ends[0]);
    }
    close(ends[0]);
    done_fd = ends[1];
}

void master_start_done(void)
{
    if (done_fd >= 0 && write(done_fd, "", 1) < 0)
        log_warn(NULL, "the command that started master has gone");
    fd_done(&done_fd);
}

void master_start_detach(const struct master_options *options)
{
    if (options->stays)
        return;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0 || dup2(null, STDIN_FILENO) < 0)
        log_fatal("open /dev/null: %s", strerror(errno));
    if (!options->keeps_stdout) {
        dup2(null, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
    }
    if (null > STDERR_FILENO)
        close(null);
    /* a process of our own group, so that the whole family can be sent a signal */
    if (!options->is_init && getpgrp() != getpid() && setsid() < 0)
        log_fatal("unable to set session and process group ID: %s", strerror(errno));
}
