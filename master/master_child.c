/* Processes of services, from fork to wait. */
#include "master/master.h"

#include "base/clock.h"
#include "base/xmem.h"
#include "config/common_params.h"
#include "io/fd.h"
#include "log/log.h"
#include "service/master_proto.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

/* Processes of entries that are no more. */
static struct master_child *orphans;

static void on_status(void *owner, unsigned events)
{
    (void)events;
    struct master_child *child = owner;
    struct master_packet packet;
    ssize_t n = recv(child->status_fd, &packet, sizeof packet, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n == sizeof packet) {
        master_child_status(child, packet.what, packet.clients);
        return;
    }
    if (n > 0) {
        log_warn(NULL, "pid %d sent a partial status update (%zd bytes)", (int)child->pid, n);
        return;
    }
    watch_set(child->watch, 0); /* it is about to end; SIGCHLD tells how */
}

struct master_child *master_child_new(struct master_service *service, pid_t pid, int status_fd)
{
    struct master_child *child = xzalloc(sizeof *child);
    *child = (struct master_child){
        .pid = pid,
        .status_fd = status_fd,
        .service = service,
        .left = master_load_left(service),
        .started_ms = clock_now_ms(),
        .next = service->children,
    };
    child->watch = watch_new(master.loop, status_fd, WATCH_READ, on_status, child);
    service->children = child;
    service->child_count++;
    return child;
}

void master_child_retire(struct master_child *child)
{
    struct master_packet order = {.what = MASTER_ORDER_RETIRE};
    if (child->is_retired)
        return;
    child->is_retired = true;
    /* one packet fits even when the process is stuck; when it is gone SIGCHLD follows */
    if (send(child->status_fd, &order, sizeof order, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 &&
        errno != EPIPE && errno != ECONNRESET)
        log_warn(NULL, "cannot retire pid %d: %s", (int)child->pid, strerror(errno));
}

void master_child_orphan(struct master_service *service)
{
    struct master_child *next;
    for (struct master_child *child = service->children; child; child = next) {
        next = child->next;
        child->is_retired = true;
        child->service = NULL;
        child->next = orphans;
        orphans = child;
        kill(child->pid, SIGTERM);
    }
    service->children = NULL;
    service->child_count = 0;
}

static struct master_child **find_in(struct master_child **list, pid_t pid)
{
    while (*list && (*list)->pid != pid)
        list = &(*list)->next;
    return *list ? list : NULL;
}

static struct master_child **find_child(pid_t pid)
{
    struct master_child **at = find_in(&orphans, pid);
    for (struct master_service *service = master.services; service && !at; service = service->next)
        at = find_in(&service->children, pid);
    return at;
}

static void log_death(const struct master_child *child, int status)
{
    const char *program = child->service->program, *dir = common_params.daemon_directory;
    if (WIFSIGNALED(status))
        log_warn(NULL, "process %s/%s pid %d killed by signal %d", dir, program, (int)child->pid,
                 WTERMSIG(status));
    else if (WEXITSTATUS(status) != 0)
        log_warn(NULL, "process %s/%s pid %d exit status %d", dir, program, (int)child->pid,
                 WEXITSTATUS(status));
}

static void child_ended(struct master_child *child, int status)
{
    struct master_service *service = child->service;
    if (!service)
        return;
    struct master_death death = {
        .was_ready = child->was_ready,
        .was_retired = child->is_retired,
        .failed = status != 0,
        .age_ms = clock_now_ms() - child->started_ms,
    };
    log_death(child, status);
    bool was_throttled = service->throttle.is_on;
    service->child_count--;
    if (master_throttle_death(&service->throttle, &death) && !was_throttled) {
        log_warn(NULL, "%s/%s: bad command startup -- throttling", common_params.daemon_directory,
                 service->program);
        timer_start(service->throttle_timer, common_params.service_throttle_time * 1000);
    }
    master_service_update(service);
    /* qmgr's work waits in the queue: nobody need come for it */
    if (service->child_count == 0 && (child->wants_heir || (death.failed && !death.was_retired)))
        master_wakeup_now(service);
}

void master_reap(void)
{
    pid_t pid;
    int status;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        struct master_child **at = find_child(pid), *child;
        if (!at)
            continue; /* process 1 inherits all kinds of children */
        child = *at;
        *at = child->next;
        watch_free(child->watch);
        /* what it reported last may still be unread */
        struct master_packet packet;
        while (recv(child->status_fd, &packet, sizeof packet, MSG_DONTWAIT) == sizeof packet)
            master_child_status(child, packet.what, packet.clients);
        fd_done(&child->status_fd);
        child_ended(child, status);
        free(child);
    }
}
