#include "qmgr/qmgr_feedback.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void parse_takes_the_three_forms(void **unused)
{
    (void)unused;
    static const struct {
        const char *text;
        bool ok;
        double amount;
        enum feedback_divisor divisor;
    } rows[] = {
        {"1", true, 1, FEEDBACK_BY_ONE},
        {"0.25", true, 0.25, FEEDBACK_BY_ONE},
        {"1/concurrency", true, 1, FEEDBACK_BY_CONCURRENCY},
        {"0.5 / sqrt_concurrency", true, 0.5, FEEDBACK_BY_SQRT},
        {"", false, 0, 0},
        {"2", false, 0, 0},
        {"-0.1", false, 0, 0},
        {"nan", false, 0, 0},
        {"1/0", false, 0, 0},
        {"1/", false, 0, 0},
        {"x", false, 0, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct feedback f = {9, 0};
        struct err err = ERR_INIT;
        print_message("  row: %s\n", rows[i].text);
        assert_int_equal(feedback_parse(slice_of(rows[i].text), &f, &err), rows[i].ok);
        if (!rows[i].ok)
            continue;
        assert_true(f.amount >= rows[i].amount && f.amount <= rows[i].amount);
        assert_int_equal(f.divisor, rows[i].divisor);
    }
}

static struct qmgr_window_rules rules_of(const char *positive, const char *negative,
                                         int64_t initial, int64_t limit, int64_t cohorts)
{
    struct qmgr_window_rules rules = {.initial = initial, .limit = limit, .cohort_limit = cohorts};
    struct err err = ERR_INIT;
    assert_true(feedback_parse(slice_of(positive), &rules.positive, &err));
    assert_true(feedback_parse(slice_of(negative), &rules.negative, &err));
    return rules;
}

/* EVENTS: + good delivery with the window full, - failed one. */
static void window_follows_feedback(void **unused)
{
    (void)unused;
    static const struct {
        const char *name, *positive, *negative;
        int64_t initial, limit, cohorts;
        const char *events;
        int64_t size;
    } rows[] = {
        {"whole steps up", "1", "1", 5, 20, 1, "+++", 8},
        {"limit", "1", "1", 5, 6, 1, "++++", 6},
        {"no limit", "1", "1", 5, 0, 1, "++++++++++++++++++", 23},
        {"initial over the limit", "1", "1", 5, 2, 1, "", 2},
        {"1/N needs a cohort", "1/concurrency", "1", 5, 20, 1, "++++", 5},
        {"1/N after a cohort", "1/concurrency", "1", 5, 20, 1, "+++++", 6},
        {"whole step down", "1", "1", 5, 20, 9, "--", 3},
        {"fraction steps down first", "1", "0.5", 5, 20, 9, "-", 4},
        {"fraction then rests", "1", "0.5", 5, 20, 9, "--", 4},
        {"fraction third", "1", "0.5", 5, 20, 9, "---", 3},
        {"never below one", "1", "1", 2, 20, 9, "-----", 1},
        {"one failure kills a window of one", "1", "1", 1, 20, 1, "-", 0},
        {"one failure of five does not", "1", "1", 5, 20, 1, "-", 4},
        /* 1/5 + 1/4 + 1/3 < 1, with 1/2 it is more */
        {"three failures", "1", "1", 5, 20, 1, "---", 2},
        {"a cohort of failures kills", "1", "1", 5, 20, 1, "----", 0},
        {"success forgives", "1", "1", 5, 20, 1, "---+-", 2},
        {"no cohort limit", "1", "1", 1, 20, 0, "-----", 1},
        {"dead stays dead", "1", "1", 1, 20, 1, "-+", 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct qmgr_window_rules rules = rules_of(rows[i].positive, rows[i].negative,
                                                  rows[i].initial, rows[i].limit, rows[i].cohorts);
        struct qmgr_window w;
        qmgr_window_init(&w, &rules);
        print_message("  row: %s\n", rows[i].name);
        for (const char *e = rows[i].events; *e; e++)
            if (*e == '+')
                qmgr_window_succeeded(&w, &rules, (unsigned)w.size);
            else
                qmgr_window_failed(&w, &rules);
        assert_int_equal(w.size, rows[i].size);
    }
}

static void unused_window_does_not_grow(void **unused)
{
    (void)unused;
    struct qmgr_window_rules rules = rules_of("1", "1", 5, 20, 1);
    struct qmgr_window w;
    qmgr_window_init(&w, &rules);
    for (int i = 0; i < 10; i++)
        qmgr_window_succeeded(&w, &rules, 1); /* one delivery at a time */
    assert_int_equal(w.size, 6);              /* busy + initial */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse_takes_the_three_forms),
        cmocka_unit_test(window_follows_feedback),
        cmocka_unit_test(unused_window_does_not_grow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
