/* New clients: connections, triggers and datagrams on the sockets that master opened. */
#include "base/xmem.h"
#include "io/fd.h"
#include "ipc/msg.h"
#include "log/log.h"
#include "service/service_private.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    ACCEPT_PER_TURN = 16, /* leave some to the other processes */
    DATAGRAMS_PER_TURN = 64,
    DATAGRAM_MAX = 64 * 1024,
    TRIGGER_MAX = 64,
    STALE_CHECK_MS = 1000,
};

static struct {
    struct watch **listeners;
    int count;
    bool paused, is_pass;
    struct timer *stale_timer;
} accepting;

/* A connection whose first byte tells what it carries. */
struct first_byte {
    int fd;
    struct watch *watch;
};

static void first_byte_free(struct first_byte *f)
{
    watch_free(f->watch);
    fd_done(&f->fd);
    free(f);
}

static void first_byte_on_input(void *owner, unsigned events)
{
    (void)events;
    struct first_byte *f = owner;
    const struct service *service = service_process.service;
    char letters[TRIGGER_MAX];
    ssize_t n = recv(f->fd, letters, sizeof letters, service->on_connect ? MSG_PEEK : 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0 && service->on_connect && letters[0] == (char)MSG_MAGIC) {
        int fd = fd_take(&f->fd);
        first_byte_free(f);
        service_client_added();
        service->on_connect(fd);
        return;
    }
    if (n > 0 && service->on_connect) /* left unread they would reset the connection */
        n = recv(f->fd, letters, (size_t)n, 0);
    if (n > 0)
        service->on_trigger((struct slice){letters, (size_t)n});
    first_byte_free(f);
}

static void service_take_connection(int fd)
{
    const struct service *service = service_process.service;
    if (!service->on_trigger) {
        service_client_added();
        service->on_connect(fd);
        return;
    }
    struct first_byte *f = xzalloc(sizeof *f);
    f->fd = fd;
    f->watch = watch_new(service_process.loop, fd, WATCH_READ, first_byte_on_input, f);
}

/* Tables are looked at when new work comes, so that whoever has just changed one sees it at work,
 * and once a second while there are clients: connections are kept open for the next message, so new
 * ones may be long in coming. */
bool service_retire_if_stale(void)
{
    const struct service *service = service_process.service;
    if (!service->has_stale_tables || service_process.retiring)
        return service_process.retiring;
    if (!service->has_stale_tables())
        return false;
    log_info(NULL, "lookup table has changed -- restarting");
    if (service->never_idle_exit)
        service_status_send(MASTER_STATUS_HEIR);
    service_retire();
    return true;
}

static void service_on_stale_timer(void *owner)
{
    (void)owner;
    if (!service_retire_if_stale() && service_process.client_count > 0)
        service_stale_clock();
}

void service_stale_clock(void)
{
    if (!service_process.service->has_stale_tables || service_process.args.on_stdin)
        return;
    if (!accepting.stale_timer)
        accepting.stale_timer = timer_new(service_process.loop, service_on_stale_timer, NULL);
    if (!timer_is_running(accepting.stale_timer))
        timer_start(accepting.stale_timer, STALE_CHECK_MS);
}

static void service_on_listener(void *owner, unsigned events)
{
    (void)events;
    int listener = (int)(intptr_t)owner;
    service_status_look(); /* who connects after a reload is served by the new settings */
    if (service_retire_if_stale())
        return;
    for (int i = 0; i < ACCEPT_PER_TURN && !accepting.paused; i++) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return; /* another process was faster */
        if (fd < 0 && (errno == EMFILE || errno == ENFILE)) {
            log_warn(NULL, "accept connection: %s", strerror(errno));
            return;
        }
        if (fd >= 0 && accepting.is_pass)
            service_pass_take(fd);
        else if (fd >= 0)
            service_take_connection(fd);
    }
}

static void service_on_datagrams(void *owner, unsigned events)
{
    (void)events;
    static char data[DATAGRAM_MAX];
    for (int i = 0; i < DATAGRAMS_PER_TURN; i++) {
        ssize_t n = recv((int)(intptr_t)owner, data, sizeof data, MSG_DONTWAIT);
        if (n <= 0)
            return;
        service_process.service->on_datagram((struct slice){data, (size_t)n});
        service_idle_clock();
    }
}

static void service_on_fifo(void *owner, unsigned events)
{
    (void)events;
    char letters[TRIGGER_MAX];
    ssize_t n = read((int)(intptr_t)owner, letters, sizeof letters);
    if (n > 0)
        service_process.service->on_trigger((struct slice){letters, (size_t)n});
    service_idle_clock();
}

void service_accept_start(void)
{
    struct service_process *p = &service_process;
    watch_fn fn = service_on_listener;
    if (strcmp(p->args.type, "fifo") == 0)
        fn = service_on_fifo;
    else if (p->service->model == SERVICE_DATAGRAMS)
        fn = service_on_datagrams;
    accepting.is_pass = strcmp(p->args.type, "pass") == 0;
    accepting.count = p->args.socket_count;
    accepting.listeners = xrealloc_array(NULL, (size_t)accepting.count, sizeof(struct watch *));
    for (int i = 0; i < accepting.count; i++) {
        int fd = MASTER_FD_LISTEN + i;
        fd_set_cloexec(fd, true);
        accepting.listeners[i] = watch_new(p->loop, fd, WATCH_READ, fn, (void *)(intptr_t)fd);
    }
    service_status_send(MASTER_STATUS_ROOM);
}

static void service_accept_watch(bool on)
{
    for (int i = 0; i < accepting.count; i++)
        watch_set(accepting.listeners[i], on ? WATCH_READ : 0);
}

void service_accept_pause(bool paused)
{
    if (accepting.paused == paused || service_process.retiring)
        return;
    accepting.paused = paused;
    service_accept_watch(!paused);
    service_status_send(paused ? MASTER_STATUS_FULL : MASTER_STATUS_ROOM);
}

void service_accept_stop(void)
{
    accepting.paused = true;
    service_accept_watch(false);
    for (int i = 0; i < accepting.count; i++)
        watch_free(accepting.listeners[i]);
    free(accepting.listeners);
    accepting.listeners = NULL;
    accepting.count = 0;
}
