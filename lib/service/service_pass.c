/* Connections that another program accepted and hands on: services of type pass. */
#include "base/xmem.h"
#include "io/fd.h"
#include "log/log.h"
#include "service/pass.h"
#include "service/service_private.h"

#include <stdlib.h>

/* The giver writes right after it has connected; one that does not is given up. */
enum { GIVER_LIMIT_MS = 10 * 1000 };

struct service_pass {
    int carrier;
    struct watch *watch;
    struct timer *timer;
};

static void service_pass_free(struct service_pass *p)
{
    watch_free(p->watch);
    timer_free(p->timer);
    fd_done(&p->carrier);
    free(p);
}

static void service_pass_on_input(void *owner, unsigned events)
{
    (void)events;
    struct service_pass *p = owner;
    const struct service *service = service_process.service;
    struct haproxy_peers peers;
    struct err err = ERR_INIT;
    int fd = -1;
    enum pass_status status = pass_recv(p->carrier, &fd, &peers, &err);
    if (status == PASS_MORE)
        return;
    service_pass_free(p);
    if (status == PASS_BAD) {
        log_warn(NULL, "%s", err.reason);
        service_client_done();
        return;
    }
    fd_set_nonblocking(fd, true);
    if (service->on_pass)
        service->on_pass(fd, &peers);
    else
        service->on_connect(fd);
}

static void service_pass_on_timeout(void *owner)
{
    service_pass_free(owner);
    log_warn(NULL, "receive connection: timeout");
    service_client_done();
}

void service_pass_take(int carrier)
{
    struct service_pass *p = xzalloc(sizeof *p);
    service_client_added();
    p->carrier = carrier;
    p->watch = watch_new(service_process.loop, carrier, WATCH_READ, service_pass_on_input, p);
    p->timer = timer_new(service_process.loop, service_pass_on_timeout, p);
    timer_start(p->timer, GIVER_LIMIT_MS);
}
