#include "unit/cm.h"

#include "master/master_throttle.h"

static void one_death_decides(void **unused)
{
    (void)unused;
    static const struct {
        const char *name;
        struct master_death death;
        bool throttled;
    } rows[] = {
        {"broken start", {.failed = true}, true},
        {"ends before it was ready, with status 0", {.failed = false}, true},
        {"retired before it was ready", {.was_retired = true}, false},
        {"retired and failed before ready", {.was_retired = true, .failed = true}, true},
        {"crash after ready", {.was_ready = true, .failed = true, .age_ms = 5}, false},
        {"idle exit", {.was_ready = true, .age_ms = 100000}, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct master_throttle throttle = {0};
        print_message("  row: %s\n", rows[i].name);
        assert_int_equal(master_throttle_death(&throttle, &rows[i].death), rows[i].throttled);
        assert_int_equal(throttle.is_on, rows[i].throttled);
        master_throttle_release(&throttle);
        assert_false(throttle.is_on);
    }
}

static void young_deaths_add_up(void **unused)
{
    (void)unused;
    struct master_throttle throttle = {0};
    struct master_death young = {.was_ready = true, .failed = true, .age_ms = 10};
    for (int i = 1; i < MASTER_YOUNG_DEATHS; i++)
        assert_false(master_throttle_death(&throttle, &young));
    assert_true(master_throttle_death(&throttle, &young));
}

static void an_old_process_ends_the_row(void **unused)
{
    (void)unused;
    struct master_throttle throttle = {0};
    struct master_death young = {.was_ready = true, .failed = true, .age_ms = 10};
    struct master_death old = {.was_ready = true, .failed = true, .age_ms = MASTER_YOUNG_MS};
    for (int i = 0; i < 3 * MASTER_YOUNG_DEATHS; i++)
        assert_false(master_throttle_death(&throttle, i % 5 ? &young : &old));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_death_decides),
        cmocka_unit_test(young_deaths_add_up),
        cmocka_unit_test(an_old_process_ends_the_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
