/*
 * Running a command: pipes, the child's side, feeding and reading at once.
 *
 * The child is the leader of a session of its own, so that time out kills all it started. Input is
 * fed only as fast as the command reads, while its output is read: neither side can block the other
 * for longer than the time limit.
 */
#include "delivery/command_run.h"

#include "base/clock.h"
#include "io/deadline.h"
#include "io/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* exit status of a child that could not become the command: EX_TEMPFAIL */
enum { NOT_STARTED_STATUS = 75 };

/* Where a child that could not become the command says so. */
enum { COMPLAINTS = STDERR_FILENO + 1 };

struct feed {
    int in, out; /* our ends; -1: closed */
    struct deadline deadline;
    struct strbuf *output;
    bool timed_out;
};

void command_result_init(struct command_result *result)
{
    *result = (struct command_result){.output = STRBUF_INIT(COMMAND_OUTPUT_MAX)};
}

void command_result_done(struct command_result *result)
{
    strbuf_done(&result->output);
}

/* Our side */

static void feed_read(struct feed *f)
{
    char buffer[4096];
    ssize_t n = read(f->out, buffer, sizeof buffer);
    if (n > 0)
        strbuf_add(f->output, buffer, (size_t)n); /* what is over the maximum is dropped */
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        fd_done(&f->out), f->out = -1;
}

/* Wait until one of the descriptors can go on; false: the time is over. */
static bool feed_wait(struct feed *f, bool for_input)
{
    struct pollfd fds[2] = {{.fd = f->out, .events = POLLIN},
                            {.fd = for_input ? f->in : -1, .events = POLLOUT}};
    int64_t left = deadline_left_ms(f->deadline);
    int n = poll(fds, 2, (int)MIN(left, (int64_t)INT32_MAX));
    if (n == 0 || left == 0) {
        f->timed_out = true;
        return false;
    }
    if (n > 0 && fds[0].revents)
        feed_read(f);
    return true;
}

static bool feed_put(void *ctx, struct slice text)
{
    struct feed *f = ctx;
    while (text.len > 0) {
        ssize_t n = write(f->in, text.s, text.len);
        if (n > 0)
            text = slice_from(text, (size_t)n);
        else if (errno == EAGAIN) {
            if (!feed_wait(f, true))
                return false;
        } else if (errno != EINTR)
            return false; /* EPIPE: it has read enough */
    }
    return true;
}

/* The child's side */

static void child_fail(const struct command_run *run, const char *what, const char *why)
{
    if (run->program)
        dprintf(COMPLAINTS, "%s: fatal: ", run->program);
    dprintf(COMPLAINTS, "%s%s: %s\n", run->where ? run->where : "", what, why);
    _exit(NOT_STARTED_STATUS);
}

static void child_fail_exec(const struct command_run *run, const char *command, int error)
{
    char what[256];
    snprintf(what, sizeof what, "execvp %s", command);
    child_fail(run, what, strerror(error));
}

static bool is_blank(const char *text)
{
    return slice_trim(slice_of(text)).len == 0;
}

static void child_exec_words(const struct command_run *run, const char *text, const char *last,
                             char *const *env)
{
    struct argv words = ARGV_INIT;
    struct slice in = slice_of(text), word;
    while (slice_next_token(&in, SLICE_SPACE, &word))
        argv_add_slice(&words, word);
    if (last)
        argv_add(&words, last);
    if (words.count > 0)
        execvpe(words.at[0], words.at, env);
    child_fail_exec(run, words.count > 0 ? words.at[0] : "", errno);
}

static void child_exec(const struct command_run *run, char *const *env)
{
    if (run->argv) {
        execvpe(run->argv[0], run->argv, env);
        child_fail_exec(run, run->argv[0], errno);
    }
    if (run->shell && !is_blank(run->shell))
        child_exec_words(run, run->shell, run->command, env);
    if (!command_run_needs_shell(run->command))
        child_exec_words(run, run->command, NULL, env);
    execle("/bin/sh", "sh", "-c", run->command, (char *)NULL, env);
    child_fail_exec(run, "/bin/sh", errno);
}

/* On its number, until the command takes over. */
static bool child_keeps(int complaints)
{
    return complaints == COMPLAINTS ? fd_set_cloexec(COMPLAINTS, true)
                                    : dup3(complaints, COMPLAINTS, O_CLOEXEC) >= 0;
}

NORETURN void command_run_child(const struct command_run *run, int in, int out, int complaints)
{
    struct err err = ERR_INIT;
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int signal_number = 1; signal_number < NSIG; signal_number++)
        signal(signal_number, SIG_DFL); /* fails for two of them, which is fine */
    setsid();
    if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
        dup2(out, STDERR_FILENO) < 0 || !child_keeps(complaints))
        _exit(NOT_STARTED_STATUS);
    close_range(COMPLAINTS + 1, ~0U, 0);
    umask(077);
    if (run->chroot && (chroot(run->chroot) < 0 || chdir("/") < 0))
        child_fail(run, "cannot change root directory", strerror(errno));
    if (!user_rights_take_for_good(&run->rights, &err))
        child_fail(run, "user rights", err.reason);
    struct rlimit limit = {(rlim_t)run->file_limit, (rlim_t)run->file_limit};
    if (run->file_limit > 0 && setrlimit(RLIMIT_FSIZE, &limit) < 0)
        child_fail(run, "setrlimit", strerror(errno));
    if (run->directory && chdir(run->directory) < 0)
        child_fail(run, "cannot change directory", strerror(errno));
    char *const nothing[] = {NULL};
    /* execvpe() looks for the command along our PATH: make it the one the command gets */
    for (size_t i = 0; i < run->environment->count; i++)
        if (slice_starts(slice_of(run->environment->at[i]), "PATH="))
            setenv("PATH", run->environment->at[i] + 5, 1);
    child_exec(run, run->environment->count > 0 ? run->environment->at : nothing);
    _exit(NOT_STARTED_STATUS);
}

/* Both */

static bool make_pipes(int to_child[2], int from_child[2])
{
    if (pipe2(to_child, O_CLOEXEC) < 0)
        return false;
    if (pipe2(from_child, O_CLOEXEC) == 0)
        return fd_set_nonblocking(to_child[1], true) && fd_set_nonblocking(from_child[0], true);
    close(to_child[0]);
    close(to_child[1]);
    return false;
}

/* The rest of its output, until it closes it; what it left running in the background may keep that
 * open, so the end of the command itself is looked for as well. */
static int feed_finish(struct feed *f, pid_t pid)
{
    enum { LOOK_AGAIN_MS = 50 };
    int status;
    while (f->out >= 0 && !f->timed_out) {
        struct deadline limit = f->deadline;
        f->deadline = deadline_in_ms(MIN(deadline_left_ms(limit), (int64_t)LOOK_AGAIN_MS));
        feed_wait(f, false);
        f->deadline = limit;
        f->timed_out = deadline_left_ms(limit) == 0;
        if (f->out >= 0 && waitpid(pid, &status, WNOHANG) == pid) {
            feed_read(f);
            return status;
        }
    }
    while (!f->timed_out) {
        if (waitpid(pid, &status, WNOHANG) == pid)
            return status;
        poll(NULL, 0, 1);
        f->timed_out = deadline_left_ms(f->deadline) == 0;
    }
    kill(-pid, SIGKILL);
    kill(pid, SIGKILL); /* it may not have come to setsid() */
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return status;
}

static void result_of_status(struct command_result *ret, const struct feed *f, int status)
{
    if (f->timed_out) {
        ret->end = COMMAND_TIMED_OUT;
    } else if (WIFSIGNALED(status)) {
        ret->end = COMMAND_KILLED;
        ret->status = WTERMSIG(status);
    } else {
        ret->end = COMMAND_EXITED;
        ret->status = WEXITSTATUS(status);
    }
}

void command_run(const struct command_run *run, const struct mailbox_message *m,
                 struct command_result *ret)
{
    int to_child[2], from_child[2];
    ret->end = COMMAND_NOT_STARTED;
    if (!user_rights_are_ours(&run->rights, &ret->err))
        return;
    if (!make_pipes(to_child, from_child)) {
        err_set(&ret->err, ERR_TEMP, "pipe: %s", strerror(errno));
        return;
    }
    /* Dies after the fork: the command may run to its end, and once more after the restart. */
    pid_t pid = fork();
    if (pid == 0)
        command_run_child(run, to_child[0], from_child[1], from_child[1]);
    close(to_child[0]);
    close(from_child[1]);
    struct feed feed = {.in = to_child[1],
                        .out = from_child[0],
                        .deadline = deadline_in_ms(run->time_limit_s * 1000),
                        .output = &ret->output};
    if (pid < 0) {
        err_set(&ret->err, ERR_TEMP, "fork: %s", strerror(errno));
    } else {
        void (*old)(int) = signal(SIGPIPE, SIG_IGN);
        enum mailbox_copy copied = mailbox_message_copy(m, run->form, feed_put, &feed, &ret->err);
        fd_done(&feed.in);
        feed.in = -1;
        if (copied == MAILBOX_COPY_UNREADABLE)
            kill(-pid, SIGKILL); /* it must not take half a message for the whole */
        int status = feed_finish(&feed, pid);
        signal(SIGPIPE, old);
        result_of_status(ret, &feed, status);
        if (copied == MAILBOX_COPY_UNREADABLE)
            ret->end = COMMAND_UNREADABLE;
    }
    fd_done(&feed.in);
    fd_done(&feed.out);
}
