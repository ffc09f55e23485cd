/*
 * loop: the event loop of a process: descriptors, timers, things to do at the end of a turn.
 *
 * A thin layer over libevent that fixes ownership: what x_new() returns is freed by the one who
 * asked for it, also from inside its own callback.
 */
#ifndef IO_LOOP_H
#define IO_LOOP_H

#include "base/base.h"

struct loop;
struct watch;
struct timer;

struct loop *loop_new(void);
void loop_free(struct loop *loop);
/* Run until loop_stop(). Log lines of one turn are flushed together at its end. */
void loop_run(struct loop *loop);
void loop_run_once(struct loop *loop, bool may_block);
void loop_stop(struct loop *loop);

enum watch_events { WATCH_READ = 1, WATCH_WRITE = 2 };
typedef void (*watch_fn)(void *owner, unsigned events);
struct watch *watch_new(struct loop *loop, int fd, unsigned events, watch_fn fn, void *owner);
void watch_set(struct watch *watch, unsigned events); /* 0: pause */
void watch_free(struct watch *watch); /* NULL is fine; does not close the descriptor */

typedef void (*timer_fn)(void *owner);
struct timer *timer_new(struct loop *loop, timer_fn fn, void *owner);
void timer_start(struct timer *timer, int64_t in_ms); /* once; starting again moves it */
void timer_stop(struct timer *timer);
bool timer_is_running(const struct timer *timer);
void timer_free(struct timer *timer);

/* Call FN once at the end of this turn, before the loop waits again (flush output, send replies).
 */
struct later {
    void (*fn)(void *owner);
    void *owner;
    struct later *next; /* private */
    bool queued;        /* private */
};
void loop_later(struct loop *loop, struct later *later);
void loop_later_cancel(struct loop *loop, struct later *later);

typedef void (*signal_fn)(void *owner, int signum);
struct watch *watch_signal(struct loop *loop, int signum, signal_fn fn, void *owner);

#endif
