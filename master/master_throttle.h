/*
 * master_throttle: when a program that fails is not started again at once.
 *
 * A process that ends before it was ready has a broken start-up: pause. One that was ready and dies
 * young may have met a bad client, so the next one starts at once, but not for ever.
 */
#ifndef MASTER_MASTER_THROTTLE_H
#define MASTER_MASTER_THROTTLE_H

#include "base/base.h"

struct master_throttle {
    bool is_on;
    int young_deaths; /* one after another */
};

enum { MASTER_YOUNG_MS = 1000, MASTER_YOUNG_DEATHS = 10 };

struct master_death {
    bool was_ready;   /* it had sent its first 'R' */
    bool was_retired; /* it had been told to go */
    bool failed;      /* exit status other than 0, or a signal */
    int64_t age_ms;
};

/* True: start no other one before master_throttle_release(). */
bool master_throttle_death(struct master_throttle *throttle, const struct master_death *death);
void master_throttle_release(struct master_throttle *throttle);

#endif
