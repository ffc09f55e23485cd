/* postlogd(8): writes maillog_file on behalf of all programs. */
#include "postlogd/postlogd_lines.h"

#include "config/common_params.h"
#include "config/log_setup.h"
#include "io/fd.h"
#include "log/log.h"
#include "service/master_proto.h"
#include "service/service.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    DATAGRAM_MAX = 64 * 1024,
    QUIET_MS = 50,           /* at the end: no line came for so long */
    DRAIN_DATAGRAMS = 20000, /* and not for ever */
};

#define PARAM_OWNER postlogd
#define PARAM_FILE  "postlogd/postlogd_params.def"
#include "config/param_struct.h"

#define PARAM_OWNER postlogd
#define PARAM_FILE  "postlogd/postlogd_params.def"
#include "config/param_rows.h"

static int file_fd = -1;
static struct strbuf pending = STRBUF_ANY;
static struct later flush_later;

static int open_file(void)
{
    int flags = O_WRONLY | O_APPEND | O_CLOEXEC;
    mode_t mode = log_setup_file_mode();
    if (strcmp(common_params.maillog_file, "/dev/stdout") == 0)
        return fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    int fd = open(common_params.maillog_file, flags);
    if (fd >= 0 || errno != ENOENT)
        return fd;
    fd = open(common_params.maillog_file, flags | O_CREAT | O_NOFOLLOW, mode);
    if (fd >= 0 && fchmod(fd, mode) < 0)
        fd_done(&fd);
    return fd;
}

static void postlogd_before_jail(struct config *cfg)
{
    (void)cfg;
    struct err err = ERR_INIT;
    /* its own lines go straight to the file: nobody else reads the socket */
    log_setup_writer("postlogd");
    if (common_params.maillog_file[0] == 0)
        return; /* switched off: what still comes goes to standard error */
    if (!log_setup_check_file(&err))
        log_fatal("%s", err.reason);
    file_fd = open_file();
    if (file_fd < 0)
        log_fatal("open logfile '%s': %s", common_params.maillog_file, strerror(errno));
    log_open_now();
}

/* One write for all that came in this turn. A disk that hangs gets us killed, and master starts a
 * successor. */
static void flush(void *owner)
{
    (void)owner;
    if (pending.len == 0)
        return;
    alarm((unsigned)MIN(postlogd_params.postlogd_watchdog_timeout, (int64_t)INT32_MAX));
    int fd = file_fd >= 0 ? file_fd : STDERR_FILENO;
    if (!fd_write_all(fd, pending.s, pending.len))
        log_warn(NULL, "write %s: %s", common_params.maillog_file, strerror(errno));
    alarm(0);
    strbuf_reset(&pending);
}

static void postlogd_on_datagram(struct slice data)
{
    postlogd_lines_add(&pending, data);
    loop_later(service_loop(), &flush_later);
}

/* The last words of others may still be on their way. */
static void postlogd_on_exit(void)
{
    static char data[DATAGRAM_MAX];
    struct pollfd wait = {.fd = MASTER_FD_LISTEN, .events = POLLIN};
    for (int i = 0; i < DRAIN_DATAGRAMS && poll(&wait, 1, QUIET_MS) > 0; i++) {
        ssize_t n = recv(MASTER_FD_LISTEN, data, sizeof data, MSG_DONTWAIT);
        if (n <= 0)
            break;
        postlogd_lines_add(&pending, (struct slice){data, (size_t)n});
        if (pending.len > DATAGRAM_MAX)
            flush(NULL);
    }
    flush(NULL);
}

static const struct service postlogd_service = {
    .name = "postlogd",
    .model = SERVICE_DATAGRAMS,
    .alone = true,
    .params = postlogd_param_rows,
    .params_at = &postlogd_params,
    .before_jail = postlogd_before_jail,
    .on_datagram = postlogd_on_datagram,
    .on_exit = postlogd_on_exit,
};

int main(int argc, char **argv)
{
    flush_later.fn = flush;
    return service_main(&postlogd_service, argc, argv);
}
