/* Who takes the next client: a process that has room, a new process, or nobody for now. */
#include "master/master.h"

#include "base/clock.h"
#include "io/sock.h"
#include "log/log.h"
#include "service/master_proto.h"

enum { LIMIT_WARN_MS = 1000 * 1000, STRESS_MS = 1000 * 1000 };

static const char stress_url[] = "https://www.postfix.org/STRESS_README.html";

/* "25" or "127.0.0.1:25", whatever the entry calls the port */
static void endpoint_text(const struct master_service *service, struct strbuf *out)
{
    CLEANUP(strbuf_done) struct strbuf host = STRBUF_ANY;
    CLEANUP(strbuf_done) struct strbuf port = STRBUF_ANY;
    master_port_split(service->name, &host, &port, NULL);
    if (service->listener_count > 0)
        strbuf_setf(&port, "%d",
                    sock_address_port((const struct sockaddr *)&service->listeners[0].addr));
    strbuf_addf(out, "%s%s%s", host.s, host.len ? ":" : "", port.s);
}

static void warn_of_limit(struct master_service *service)
{
    int64_t now = clock_now_ms();
    service->stress_until_ms = now + STRESS_MS;
    if (service->limit_warned_ms && now - service->limit_warned_ms < LIMIT_WARN_MS)
        return;
    service->limit_warned_ms = now;
    CLEANUP(strbuf_done) struct strbuf endpoint = STRBUF_ANY;
    endpoint_text(service, &endpoint);
    log_warn(NULL,
             "service \"%s\" (%s) has reached its process limit \"%d\": new clients may experience "
             "noticeable delays",
             service->name, endpoint.s, service->max_processes);
    log_warn(NULL, "to avoid this condition, increase the process count in master.cf or reduce the "
                   "service time per client");
    log_warn(NULL, "see %s for examples of stress-adapting configuration settings", stress_url);
}

static void on_client(void *owner, unsigned events)
{
    (void)events;
    struct master_listener *listener = owner;
    listener->service->was_used = true;
    master_spawn(listener->service);
}

static void listen_or_not(struct master_service *service, bool on)
{
    for (size_t i = 0; i < service->listener_count; i++) {
        struct master_listener *listener = &service->listeners[i];
        if (on && !listener->watch)
            listener->watch = watch_new(master.loop, listener->fd, WATCH_READ, on_client, listener);
        else if (listener->watch)
            watch_set(listener->watch, on ? WATCH_READ : 0);
    }
}

void master_service_update(struct master_service *service)
{
    struct master_load load = master_load_measure(service);
    /* a process limit also caps the clients, which is the same while each has one process */
    bool at_limit =
        service->max_processes > 0 && (service->child_count >= (size_t)service->max_processes ||
                                       load.clients >= service->max_processes);
    if (at_limit && service->child_count == 0)
        at_limit = false;
    if (service->type == SERVICE_INET && !load.has_room && at_limit && load.full > 0)
        warn_of_limit(service);
    listen_or_not(service, !load.has_room && !at_limit && !service->throttle.is_on);
}

void master_child_status(struct master_child *child, char what, int clients)
{
    static const struct {
        char what;
        enum master_child_state state;
    } rows[] = {
        {MASTER_STATUS_ROOM, CHILD_ROOM},
        {MASTER_STATUS_FULL, CHILD_FULL},
        {MASTER_STATUS_GOING, CHILD_GOING},
    };
    if (what == MASTER_STATUS_HEIR) {
        child->wants_heir = true;
        return;
    }
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (rows[i].what != what)
            continue;
        if (child->state != CHILD_GOING)
            child->state = rows[i].state;
        child->was_ready = true;
        child->clients = clients > 0 ? clients : 0;
        if (child->service)
            master_service_update(child->service);
        return;
    }
    log_warn(NULL, "pid %d sent a status that nobody knows: %d", (int)child->pid, what);
}
