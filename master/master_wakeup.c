/* Wake-ups: a client that says 'W' on the service's own socket. */
#include "master/master.h"

#include "base/xmem.h"
#include "config/common_params.h"
#include "io/fd.h"
#include "io/sock.h"
#include "log/log.h"
#include "service/master_proto.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <unistd.h>

/* One wake-up on its way. The connection may have to wait until TCP has answered. */
struct wakeup {
    int fd;
    struct watch *watch;
    struct timer *limit;
};

static void wakeup_free(struct wakeup *wakeup)
{
    watch_free(wakeup->watch);
    timer_free(wakeup->limit);
    fd_done(&wakeup->fd);
    free(wakeup);
}

static void on_writable(void *owner, unsigned events)
{
    (void)events;
    struct wakeup *wakeup = owner;
    char letter = MASTER_WAKEUP;
    if (sock_error(wakeup->fd) == 0)
        (void)!send(wakeup->fd, &letter, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    wakeup_free(wakeup);
}

static void on_limit(void *owner)
{
    wakeup_free(owner);
}

static void wakeup_send(int fd)
{
    struct wakeup *wakeup = xzalloc(sizeof *wakeup);
    wakeup->fd = fd;
    wakeup->limit = timer_new(master.loop, on_limit, wakeup);
    timer_start(wakeup->limit, common_params.trigger_timeout * 1000);
    wakeup->watch = watch_new(master.loop, fd, WATCH_WRITE, on_writable, wakeup);
}

static int connect_to(const struct master_service *service, struct err *err)
{
    if (service->type != SERVICE_INET)
        return sock_connect_unix_start(service->path, err);
    /* a wildcard address means this host when one connects to it */
    struct master_listener *listener = &service->listeners[0];
    return sock_connect_start((struct sockaddr *)&listener->addr, listener->addr_len, NULL, 0, err);
}

static void wake(struct master_service *service)
{
    struct err err = ERR_INIT;
    char letter = MASTER_WAKEUP;
    if (service->listener_count == 0)
        return;
    if (service->type == SERVICE_FIFO) {
        /* a full fifo has enough to wake it */
        if (write(service->listeners[0].fd, &letter, 1) < 0 && errno != EAGAIN)
            log_warn(NULL, "write to %s: %s", service->path, strerror(errno));
        return;
    }
    int fd = connect_to(service, &err);
    if (fd < 0)
        log_warn(NULL, "wake up service %s: %s", service->title, err.reason);
    else
        wakeup_send(fd);
}

void master_wakeup_now(struct master_service *service)
{
    bool is_wanted = !service->wakeup_if_used || service->was_used;
    if (service->wakeup_timer && is_wanted && !service->throttle.is_on)
        wake(service);
}

static void on_time(void *owner)
{
    struct master_service *service = owner;
    master_wakeup_now(service);
    timer_start(service->wakeup_timer, (int64_t)service->wakeup_seconds * 1000);
}

void master_wakeup_start(struct master_service *service, bool at_once)
{
    master_wakeup_stop(service);
    if (service->wakeup_seconds == 0)
        return;
    if (service->type == SERVICE_UNIX_DGRAM || service->type == SERVICE_PASS) {
        log_warn(NULL, "service %s: a wake-up time has no meaning for type %s", service->name,
                 service_type_name(service->type));
        return;
    }
    service->wakeup_timer = timer_new(master.loop, on_time, service);
    timer_start(service->wakeup_timer, at_once ? 0 : (int64_t)service->wakeup_seconds * 1000);
}

void master_wakeup_stop(struct master_service *service)
{
    timer_free(service->wakeup_timer);
    service->wakeup_timer = NULL;
}
