#include "qmgr/qmgr_feedback.h"

#include <math.h>
#include <stdlib.h>

/* 1/N added N times must count as 1. */
#define ROUNDING 1e-9

static bool parse_divisor(struct slice text, enum feedback_divisor *ret)
{
    // clang-format off
    static const struct { const char *name; enum feedback_divisor divisor; } names[] = {
        {"concurrency", FEEDBACK_BY_CONCURRENCY},
        {"sqrt_concurrency", FEEDBACK_BY_SQRT},
    };
    // clang-format on
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (slice_eq(text, names[i].name)) {
            *ret = names[i].divisor;
            return true;
        }
    return false;
}

bool feedback_parse(struct slice text, struct feedback *ret, struct err *err)
{
    struct feedback f = {.divisor = FEEDBACK_BY_ONE};
    struct slice number = text, divisor;
    if (slice_split(text, '/', &number, &divisor) &&
        !parse_divisor(slice_trim(divisor), &f.divisor))
        return err_set(err, ERR_CONFIG, "bad feedback: %.*s", SLICE_ARG(text));
    char digits[32];
    number = slice_trim(number);
    if (number.len == 0 || number.len >= sizeof digits)
        return err_set(err, ERR_CONFIG, "bad feedback: %.*s", SLICE_ARG(text));
    for (size_t i = 0; i < number.len; i++)
        digits[i] = number.s[i];
    digits[number.len] = '\0';
    char *end;
    f.amount = strtod(digits, &end);
    if (*end != '\0' || !(f.amount >= 0 && f.amount <= 1))
        return err_set(err, ERR_CONFIG, "bad feedback: %.*s", SLICE_ARG(text));
    *ret = f;
    return true;
}

double feedback_value(const struct feedback *f, int64_t window)
{
    switch (f->divisor) {
    case FEEDBACK_BY_CONCURRENCY:
        return f->amount / (double)window;
    case FEEDBACK_BY_SQRT:
        return f->amount / sqrt((double)window);
    default:
        return f->amount;
    }
}

void qmgr_window_init(struct qmgr_window *w, const struct qmgr_window_rules *rules)
{
    *w = (struct qmgr_window){.size = rules->initial};
    if (rules->limit > 0)
        w->size = MIN(w->size, rules->limit);
    w->size = MAX(w->size, (int64_t)1);
}

void qmgr_window_succeeded(struct qmgr_window *w, const struct qmgr_window_rules *rules,
                           unsigned busy)
{
    w->failed_cohorts = 0;
    w->is_tried = true;
    /* A window that is not used must not grow: shrinking it later would take too long to be felt.
     */
    if (w->size <= 0 || w->size >= (int64_t)busy + rules->initial)
        return;
    w->success += feedback_value(&rules->positive, w->size);
    while (w->success + ROUNDING >= 1) {
        w->size++;
        w->success = MAX(w->success - 1, 0.0);
        w->failure = 0;
    }
    if (rules->limit > 0)
        w->size = MIN(w->size, rules->limit);
}

void qmgr_window_failed(struct qmgr_window *w, const struct qmgr_window_rules *rules)
{
    if (w->size <= 0)
        return;
    w->failed_cohorts += 1.0 / (double)w->size;
    if (rules->cohort_limit > 0 && w->failed_cohorts + ROUNDING >= (double)rules->cohort_limit) {
        w->size = 0;
        return;
    }
    /* The step down comes at the beginning of a sequence of failures, not at its end. */
    w->failure -= feedback_value(&rules->negative, w->size);
    while (w->failure < 0) {
        w->size--;
        w->failure += 1;
        w->success = 0;
    }
    w->size = MAX(w->size, (int64_t)1);
}
