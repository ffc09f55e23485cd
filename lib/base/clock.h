/*
 * clock: the two clocks, and dates as mail writes them.
 *
 * The function pointers are for tests, which install their own.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/strbuf.h"

#include <sys/time.h>

extern int64_t (*clock_now_ms)(void);           /* monotonic, for deadlines */
extern void (*clock_wall)(struct timeval *now); /* the date */

/* "Sat, 21 Nov 2026 21:07:13 +0000 (UTC)", local time zone (RFC 5322, section 3.3) */
void clock_format_mail_date(time_t when, struct strbuf *out);
/* "Sat Nov 21 21:07:13 2026", local time zone, as mbox From_ lines and mailq have it */
void clock_format_ctime(time_t when, struct strbuf *out);

/* A delay as delay= and delays= show it: two significant digits, at most RESOLUTION after the
 * point. */
void clock_format_delay(int64_t us, int resolution, struct strbuf *out);

#endif
