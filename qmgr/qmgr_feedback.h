/*
 * qmgr_feedback: how many parallel deliveries a destination gets, from how its deliveries went.
 *
 * The window widens by g(N) with each good delivery and shrinks by f(N) with each that could not
 * reach the destination, N being the window; whole steps are taken when the fractions add up to 1.
 * A destination is dead when more pseudo-cohorts (N deliveries each) failed in a row than allowed.
 */
#ifndef QMGR_FEEDBACK_H
#define QMGR_FEEDBACK_H

#include "base/err.h"
#include "base/slice.h"

enum feedback_divisor { FEEDBACK_BY_ONE, FEEDBACK_BY_CONCURRENCY, FEEDBACK_BY_SQRT };

struct feedback {
    double amount; /* 0..1 */
    enum feedback_divisor divisor;
};

/* "0.5", "1/concurrency", "0.25/sqrt_concurrency" */
bool feedback_parse(struct slice text, struct feedback *ret, struct err *err);
double feedback_value(const struct feedback *f, int64_t window);

struct qmgr_window_rules {
    struct feedback positive, negative;
    int64_t initial, limit, cohort_limit; /* limit 0: none */
};

struct qmgr_window { /* of one destination */
    int64_t size;    /* 0: dead */
    double success, failure, failed_cohorts;
    bool is_tried; /* a delivery went well */
};

void qmgr_window_init(struct qmgr_window *w, const struct qmgr_window_rules *rules);
/* BUSY: deliveries under way, this one included. */
void qmgr_window_succeeded(struct qmgr_window *w, const struct qmgr_window_rules *rules,
                           unsigned busy);
void qmgr_window_failed(struct qmgr_window *w, const struct qmgr_window_rules *rules);

#endif
