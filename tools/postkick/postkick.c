/* postkick(1): send letters to a service over its local socket or fifo. */
#include "base/num.h"
#include "config/clean_env.h"
#include "config/common_params.h"
#include "config/config.h"
#include "config/log_setup.h"
#include "io/fd.h"
#include "io/sock.h"
#include "log/log.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_service(const char *path)
{
    struct err err = ERR_INIT;
    struct stat st;
    if (lstat(path, &st) < 0) {
        log_warn(NULL, "unable to look up %s: %s", path, strerror(errno));
        return -1;
    }
    if (S_ISFIFO(st.st_mode))
        return open(path, O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    int fd = sock_connect_unix(path, common_params.trigger_timeout * 1000, &err);
    return fd;
}

/* The letters are in; give the service time to read them before the connection closes. */
static void wait_until_read(int fd)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    struct stat st;
    if (fstat(fd, &st) < 0 || !S_ISSOCK(st.st_mode))
        return;
    shutdown(fd, SHUT_WR);
    int64_t ms = common_params.application_event_drain_time * 1000;
    while (poll(&wait, 1, (int)MIN(ms, (int64_t)INT32_MAX)) < 0 && errno == EINTR)
        ;
}

static void load(const char *dir)
{
    struct err err = ERR_INIT;
    struct config *config = config_new(config_choose_dir(dir));
    config_set_default(config, "process_name", "postkick");
    if (!config_load(config, &err) || !common_params_load(config, &err) ||
        !clean_env_apply(common_params.import_environment, &err))
        log_fatal("%s", err.reason);
    config_free(config);
}

int main(int argc, char **argv)
{
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_ANY;
    const char *dir = NULL;
    int option;

    signal(SIGPIPE, SIG_IGN);
    log_setup_early("postkick", LOG_SETUP_STDERR);
    while ((option = getopt(argc, argv, "c:v")) > 0) {
        if (option == 'c')
            dir = optarg;
        else if (option != 'v')
            log_fatal("usage: %s [-c config_dir] [-v] class service request", argv[0]);
    }
    if (argc - optind != 3)
        log_fatal("usage: %s [-c config_dir] [-v] class service request", argv[0]);
    load(dir);
    log_setup_command("postkick", LOG_SETUP_STDERR);
    if (chdir(common_params.queue_directory) < 0)
        log_fatal("chdir %s: %s", common_params.queue_directory, strerror(errno));

    const char *class = argv[optind], *service = argv[optind + 1], *request = argv[optind + 2];
    strbuf_addf(&path, "%s/%s", class, service);
    CLEANUP(fd_done) int fd = open_service(path.s);
    if (fd < 0 || !fd_write_all(fd, request, strlen(request))) {
        log_warn(NULL, "Cannot contact class %s service %s - perhaps the mail system is down",
                 class, service);
        return 1;
    }
    wait_until_read(fd);
    params_done(common_param_rows, &common_params);
    return 0;
}
