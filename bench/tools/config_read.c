/*
 * config_read: how long a daemon takes to read its configuration.
 *
 *     config_read DIR [ROUNDS]
 *
 * Does what smtpd does at start with DIR/main.cf, again and again, and prints the least and the
 * median time of a round in microseconds.
 */
#include "config/common_params.h"
#include "config/config.h"

#include "base/err.h"
#include "base/xmem.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PARAM_OWNER smtpd
#define PARAM_FILE  "smtpd/smtpd_params.def"
#include "config/param_struct.h"

#define PARAM_OWNER smtpd
#define PARAM_FILE  "smtpd/smtpd_params.def"
#include "config/param_rows.h"

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static double one_round(const char *dir)
{
    struct err err = ERR_INIT;
    double start = now_us();
    struct config *cfg = config_new(dir);
    bool ok = config_load(cfg, &err);
    if (ok) {
        config_declare(cfg, smtpd_param_rows);
        ok = common_params_load(cfg, &err) &&
             params_load(cfg, smtpd_param_rows, &smtpd_params, &err);
    }
    double took = now_us() - start;
    if (!ok) {
        (void)fprintf(stderr, "config_read: %s\n", err.reason);
        exit(1);
    }
    config_free(cfg);
    return took;
}

static int by_time(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

int main(int argc, char **argv)
{
    size_t rounds = argc > 2 ? strtoul(argv[2], NULL, 10) : 200;
    if (argc < 2 || rounds == 0) {
        (void)fprintf(stderr, "usage: config_read DIR [ROUNDS]\n");
        return 1;
    }
    double *took = xrealloc_array(NULL, rounds, sizeof *took);
    double first = took[0] = one_round(argv[1]);
    for (size_t i = 1; i < rounds; i++)
        took[i] = one_round(argv[1]);
    qsort(took, rounds, sizeof *took, by_time);
    printf("first %.0f us, least %.0f us, median %.0f us\n", first, took[0], took[rounds / 2]);
    free(took);
    return 0;
}
