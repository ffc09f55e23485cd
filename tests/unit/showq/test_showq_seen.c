#include "unit/cm.h"

#include "showq/showq_seen.h"

static void what_was_added_is_there(void **unused)
{
    (void)unused;
    struct showq_seen seen;
    char name[32];
    showq_seen_init(&seen, 0);
    assert_false(showq_seen_has(&seen, "a@b"));
    for (int i = 0; i < 5000; i++) {
        snprintf(name, sizeof name, "user%d@here.test", i);
        showq_seen_add(&seen, name);
        showq_seen_add(&seen, name);
    }
    assert_int_equal(seen.count, 5000);
    for (int i = 0; i < 5000; i++) {
        snprintf(name, sizeof name, "user%d@here.test", i);
        assert_true(showq_seen_has(&seen, name));
    }
    assert_false(showq_seen_has(&seen, "user5000@here.test"));
    assert_false(showq_seen_has(&seen, ""));
    showq_seen_reset(&seen);
    assert_false(showq_seen_has(&seen, "user1@here.test"));
    showq_seen_add(&seen, "x");
    assert_true(showq_seen_has(&seen, "x"));
    showq_seen_done(&seen);
}

static void the_limit_holds(void **unused)
{
    (void)unused;
    struct showq_seen seen;
    showq_seen_init(&seen, 2);
    showq_seen_add(&seen, "a");
    showq_seen_add(&seen, "b");
    showq_seen_add(&seen, "c");
    assert_true(showq_seen_has(&seen, "b"));
    assert_false(showq_seen_has(&seen, "c"));
    showq_seen_done(&seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_added_is_there),
        cmocka_unit_test(the_limit_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
