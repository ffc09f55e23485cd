/*
 * deadline: the moment by which a piece of work must be finished, on the monotonic clock.
 *
 * Pass the deadline down to every read and write instead of handing out fresh timeouts; a peer that
 * sends one byte a minute then still runs out of time.
 */
#ifndef IO_DEADLINE_H
#define IO_DEADLINE_H

#include "base/clock.h"

struct deadline {
    int64_t at_ms;
};

static inline struct deadline deadline_in_ms(int64_t ms)
{
    return (struct deadline){clock_now_ms() + ms};
}

/* 0 once it has passed */
static inline int64_t deadline_left_ms(struct deadline d)
{
    int64_t left = d.at_ms - clock_now_ms();
    return left > 0 ? left : 0;
}

#endif
