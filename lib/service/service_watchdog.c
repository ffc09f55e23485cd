/* A process that hangs is ended by the kernel, so that master starts another one. */
#include "service/service_private.h"

#include <unistd.h>

enum { CHECKS = 3 }; /* within the limit: the alarm is put off that often */

static struct timer *watchdog_timer;
static int64_t watchdog_limit_s;

static void service_watchdog_on_timer(void *owner)
{
    (void)owner;
    alarm((unsigned)watchdog_limit_s);
    timer_start(watchdog_timer, watchdog_limit_s * 1000 / CHECKS);
}

void service_watchdog(int64_t limit_s)
{
    watchdog_limit_s = limit_s;
    watchdog_timer = timer_new(service_process.loop, service_watchdog_on_timer, NULL);
    service_watchdog_on_timer(NULL);
}
