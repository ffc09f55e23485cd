#include "io/loop.h"

#include "base/xmem.h"
#include "log/log.h"

#include <event2/event.h>

struct loop {
    struct event_base *base;
    struct later *first_later, **last_later;
    bool stop;
};

struct watch {
    struct event *event;
    struct loop *loop;
    unsigned events;
    int fd;
    watch_fn fn;
    signal_fn on_signal;
    void *owner;
};

struct timer {
    struct event *event;
    timer_fn fn;
    void *owner;
};

struct loop *loop_new(void)
{
    struct loop *loop = xzalloc(sizeof *loop);
    struct event_config *config = event_config_new();
    /* no thread shares a loop; changes of one turn go to the kernel together */
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    event_config_set_flag(config, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
    loop->base = event_base_new_with_config(config);
    event_config_free(config);
    if (!loop->base)
        log_fatal("cannot create an event loop");
    loop->last_later = &loop->first_later;
    return loop;
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    event_base_free(loop->base);
    free(loop);
}

void loop_later(struct loop *loop, struct later *later)
{
    if (later->queued)
        return;
    later->queued = true;
    later->next = NULL;
    *loop->last_later = later;
    loop->last_later = &later->next;
}

void loop_later_cancel(struct loop *loop, struct later *later)
{
    if (!later->queued)
        return;
    for (struct later **at = &loop->first_later; *at; at = &(*at)->next) {
        if (*at != later)
            continue;
        *at = later->next;
        if (!*at)
            loop->last_later = at;
        break;
    }
    later->queued = false;
}

static void loop_run_later(struct loop *loop)
{
    while (loop->first_later) {
        struct later *later = loop->first_later;
        loop_later_cancel(loop, later);
        later->fn(later->owner);
    }
}

void loop_run_once(struct loop *loop, bool may_block)
{
    if (loop->first_later) {
        loop_run_later(loop);
        log_flush();
        may_block = false; /* something happened: the caller may be waiting for just that */
    }
    if (!loop->stop)
        event_base_loop(loop->base, EVLOOP_ONCE | (may_block ? 0 : EVLOOP_NONBLOCK));
    loop_run_later(loop);
    log_flush();
}

void loop_run(struct loop *loop)
{
    loop->stop = false;
    while (!loop->stop)
        loop_run_once(loop, true);
}

void loop_stop(struct loop *loop)
{
    loop->stop = true;
    event_base_loopbreak(loop->base);
}

static void watch_on_event(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd;
    struct watch *watch = ctx;
    unsigned events = (what & EV_READ ? WATCH_READ : 0u) | (what & EV_WRITE ? WATCH_WRITE : 0u);
    watch->fn(watch->owner, events);
}

struct watch *watch_new(struct loop *loop, int fd, unsigned events, watch_fn fn, void *owner)
{
    struct watch *watch = xzalloc(sizeof *watch);
    *watch = (struct watch){.loop = loop, .fd = fd, .fn = fn, .owner = owner};
    watch->event = event_new(loop->base, fd, EV_PERSIST, watch_on_event, watch);
    if (!watch->event)
        log_fatal("cannot watch descriptor %d", fd);
    watch_set(watch, events);
    return watch;
}

void watch_set(struct watch *watch, unsigned events)
{
    if (events == watch->events)
        return;
    short what = EV_PERSIST;
    if (events & WATCH_READ)
        what |= EV_READ;
    if (events & WATCH_WRITE)
        what |= EV_WRITE;
    event_del(watch->event);
    watch->events = events;
    if (events == 0)
        return;
    event_assign(watch->event, watch->loop->base, watch->fd, what, watch_on_event, watch);
    if (event_add(watch->event, NULL) < 0)
        log_fatal("cannot watch descriptor %d", watch->fd);
}

void watch_free(struct watch *watch)
{
    if (!watch)
        return;
    event_free(watch->event);
    free(watch);
}

static void timer_on_event(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd;
    (void)what;
    struct timer *timer = ctx;
    timer->fn(timer->owner);
}

struct timer *timer_new(struct loop *loop, timer_fn fn, void *owner)
{
    struct timer *timer = xzalloc(sizeof *timer);
    *timer = (struct timer){.fn = fn, .owner = owner};
    timer->event = event_new(loop->base, -1, 0, timer_on_event, timer);
    if (!timer->event)
        log_fatal("cannot create a timer");
    return timer;
}

void timer_start(struct timer *timer, int64_t in_ms)
{
    int64_t ms = MAX(in_ms, (int64_t)0);
    struct timeval in = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    event_add(timer->event, &in);
}

void timer_stop(struct timer *timer)
{
    event_del(timer->event);
}

bool timer_is_running(const struct timer *timer)
{
    return event_pending(timer->event, EV_TIMEOUT, NULL) != 0;
}

void timer_free(struct timer *timer)
{
    if (!timer)
        return;
    event_free(timer->event);
    free(timer);
}

static void watch_on_signal(evutil_socket_t signum, short what, void *ctx)
{
    (void)what;
    struct watch *watch = ctx;
    watch->on_signal(watch->owner, signum);
}

struct watch *watch_signal(struct loop *loop, int signum, signal_fn fn, void *owner)
{
    struct watch *watch = xzalloc(sizeof *watch);
    *watch = (struct watch){.loop = loop, .fd = signum, .on_signal = fn, .owner = owner};
    watch->event = evsignal_new(loop->base, signum, watch_on_signal, watch);
    if (!watch->event || event_add(watch->event, NULL) < 0)
        log_fatal("cannot watch signal %d", signum);
    return watch;
}
