/* common: counters that sink shares (through a mapped file) with bench and load; small helpers. */
#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H

#include "base/banned.h"

#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#define LAT_MAX (1 << 17)

struct stats {
    /* written by sink */
    uint64_t msgs, rcpts, bytes, conns;
    uint64_t first_ns, last_ns; /* CLOCK_MONOTONIC of first and last message */
    uint64_t nlat;              /* latencies stored (modulo LAT_MAX) */
    /* written by the controller */
    uint64_t refuse;       /* 1: answer RCPT with 450 */
    uint64_t delay_ms;     /* hold back the reply to end-of-data */
    uint64_t lat[LAT_MAX]; /* ns from the X-Bench stamp to end-of-data */
};

static inline uint64_t now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* A whole number of the command line, or the end of the program. */
static inline long number(const char *text)
{
    char *end;
    long value = strtol(text, &end, 10);
    if (end == text || *end || value < 0) {
        fprintf(stderr, "not a number: %s\n", text);
        exit(2);
    }
    return value;
}

#endif
