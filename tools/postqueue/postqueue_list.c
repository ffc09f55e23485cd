#include "postqueue/postqueue_list.h"

#include "base/xmem.h"
#include "config/common_params.h"
#include "io/fd.h"
#include "io/sock.h"
#include "ipc/msg.h"
#include "log/log.h"
#include "mail/showq_msg.h"
#include "postqueue/postqueue_print.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

enum { READ_CHUNK = 128 * 1024 };

/* showq -S as a child that writes to what is returned; it becomes mail_owner. */
static int start_showq(pid_t *ret_pid)
{
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_ANY;
    int pair[2];
    strbuf_addf(&path, "%s/showq", common_params.daemon_directory);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        log_fatal_status(EX_UNAVAILABLE, "socketpair: %s", strerror(errno));
    pid_t pid = fork();
    if (pid < 0)
        log_fatal_status(EX_UNAVAILABLE, "fork: %s", strerror(errno));
    if (pid == 0) {
        if (dup2(pair[1], STDIN_FILENO) < 0 || dup2(pair[1], STDOUT_FILENO) < 0)
            _exit(1);
        execl(path.s, "showq", "-u", "-S", (char *)NULL);
        log_fatal_status(EX_UNAVAILABLE, "%s: %s", path.s, strerror(errno));
    }
    close(pair[1]);
    *ret_pid = pid;
    return pair[0];
}

/* Does the caller run the mail system? Only then the queue can be read without it. */
static bool is_in_charge(void)
{
    return geteuid() == 0 || access("incoming", R_OK | X_OK) == 0;
}

static int open_listing(int verbose, pid_t *ret_child)
{
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_ANY;
    struct err err = ERR_INIT;
    strbuf_addf(&path, "public/%s", common_params.showq_service_name);
    if (verbose)
        log_info(NULL, "connect to subsystem %s", path.s);
    int fd = sock_connect_unix(path.s, common_params.ipc_timeout * 1000, &err);
    if (fd >= 0)
        return fd;
    const char *why = access(path.s, F_OK) < 0 ? strerror(errno) : err.reason;
    if (!is_in_charge())
        log_fatal_status(EX_UNAVAILABLE,
                         "Queue report unavailable - mail system is down "
                         "(Connect to the %s %s service: %s)",
                         common_params.mail_name, common_params.showq_service_name, why);
    log_warn(NULL,
             "Mail system is down -- accessing queue directly (Connect to the %s %s service: %s)",
             common_params.mail_name, common_params.showq_service_name, why);
    return start_showq(ret_child);
}

static bool receive(int fd, struct strbuf *in)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    int64_t ms = MIN(common_params.ipc_timeout * 1000, (int64_t)INT32_MAX);
    for (;;) {
        ssize_t n = recv(fd, strbuf_room(in, READ_CHUNK), READ_CHUNK, MSG_DONTWAIT);
        if (n > 0)
            strbuf_grew(in, (size_t)n);
        if (n >= 0)
            return n > 0;
        if (errno == EAGAIN && poll(&wait, 1, (int)ms) == 0)
            return false;
        if (errno != EAGAIN && errno != EINTR)
            return false;
    }
}

enum frames { FRAMES_MORE, FRAMES_END, FRAMES_BAD };

static enum frames print_frames(struct postqueue_printer *printer, struct strbuf *in)
{
    struct slice rest = strbuf_slice(in), body;
    uint16_t kind;
    size_t size;
    enum msg_frame_status status;
    enum frames result = FRAMES_MORE;
    while (result == FRAMES_MORE &&
           (status = msg_frame_next(rest, &kind, &body, &size)) != MSG_FRAME_MORE) {
        if (status == MSG_FRAME_BAD)
            return FRAMES_BAD;
        if (kind == SHOWQ_END)
            result = FRAMES_END;
        else if (!postqueue_print(printer, kind, body))
            return FRAMES_BAD;
        rest = slice_from(rest, size);
    }
    strbuf_remove_front(in, in->len - rest.len);
    return result;
}

int postqueue_list(bool as_json, int verbose)
{
    CLEANUP(strbuf_done) struct strbuf in = STRBUF_ANY;
    pid_t child = 0;
    CLEANUP(fd_done) int fd = open_listing(verbose, &child);
    struct postqueue_printer *printer = postqueue_printer_new(as_json);
    enum frames result = FRAMES_MORE;
    while (result == FRAMES_MORE && !postqueue_printer_failed(printer))
        result = receive(fd, &in) ? print_frames(printer, &in) : FRAMES_BAD;
    if (result == FRAMES_END)
        postqueue_print_end(printer);
    bool is_lost = postqueue_printer_flush(printer);
    postqueue_printer_free(printer);
    close(fd_take(&fd));
    if (child > 0)
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
            ;
    /* who reads our output may have enough of it */
    if (is_lost && errno == EPIPE)
        return 0;
    if (is_lost)
        log_fatal_status(EX_IOERR, "write output: %s", strerror(errno));
    if (result == FRAMES_BAD)
        log_fatal_status(EX_UNAVAILABLE, "malformed showq server response");
    return 0;
}
