/*
 * showq: tells what is in the queue to whoever connects: postqueue(1) prints it.
 *
 * Its socket is open to local users, so it takes no input, and a client that does not read costs
 * one buffer. With -S it serves standard input and output, for postqueue when the mail system is
 * down.
 */
#include "config/common_params.h"
#include "log/log.h"
#include "service/service.h"
#include "showq/showq_session.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static void showq_before_jail(struct config *cfg)
{
    (void)cfg;
    if (service_is_alone_on_stdin() && chdir(common_params.queue_directory) < 0)
        log_fatal("chdir %s: %s", common_params.queue_directory, strerror(errno));
}

static void showq_client_done(void)
{
    service_client_done();
    if (service_is_alone_on_stdin())
        service_retire();
}

static void showq_accept(int fd)
{
    showq_session_start(service_loop(), fd, showq_client_done);
}

static void showq_after_jail(struct config *cfg)
{
    (void)cfg;
    if (!service_is_alone_on_stdin())
        return;
    int fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    if (fd < 0)
        log_fatal("standard output: %s", strerror(errno));
    service_client_added();
    showq_accept(fd);
}

static const struct service showq_service = {
    .name = "showq",
    .model = SERVICE_MANY_CLIENTS,
    .before_jail = showq_before_jail,
    .after_jail = showq_after_jail,
    .on_connect = showq_accept,
};

int main(int argc, char **argv)
{
    return service_main(&showq_service, argc, argv);
}
