/* What this process and master tell each other; see master_proto.h. */
#include "io/fd.h"
#include "log/log.h"
#include "service/service_private.h"

#include <errno.h>
#include <sys/socket.h>

static void service_status_on_order(void *owner, unsigned events)
{
    (void)owner;
    (void)events;
    struct master_packet packet;
    ssize_t n = recv(MASTER_FD_STATUS, &packet, sizeof packet, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    /* master retires us, or is gone: either way finish what is open and leave */
    if (n <= 0 || packet.what == MASTER_ORDER_RETIRE)
        service_retire();
    if (n <= 0) {
        service_process.master_gone = true;
        watch_set(service_process.status_watch, 0);
    }
}

void service_status_look(void)
{
    if (service_process.status_watch && !service_process.master_gone)
        service_status_on_order(NULL, WATCH_READ);
}

void service_status_start(void)
{
    fd_set_cloexec(MASTER_FD_STATUS, true);
    fd_set_cloexec(MASTER_FD_RESERVED, true);
    service_process.status_watch = watch_new(service_process.loop, MASTER_FD_STATUS, WATCH_READ,
                                             service_status_on_order, NULL);
}

void service_status_send(char what)
{
    struct master_packet packet = {.what = what, .clients = (int32_t)service_process.client_count};
    if (service_process.args.on_stdin || service_process.master_gone)
        return;
    if (send(MASTER_FD_STATUS, &packet, sizeof packet, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 &&
        errno != EPIPE && errno != ECONNRESET)
        log_warn(NULL, "status report to master: %s", strerror(errno));
}
