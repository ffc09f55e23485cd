#include "cleanup/cleanup_seen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void pairs_are_known_whatever_their_case(void **unused)
{
    (void)unused;
    struct cleanup_address_seen *seen = cleanup_seen_new(0);
    assert_false(cleanup_seen_add(seen, "a@x", "b@x"));
    assert_true(cleanup_seen_add(seen, "A@x", "b@X"));
    assert_false(cleanup_seen_add(seen, "c@x", "b@x")); /* another original recipient */
    assert_false(cleanup_seen_add(seen, "", "a@x"));
    cleanup_seen_free(seen);
    cleanup_seen_free(NULL);
}

static void memory_is_bounded(void **unused)
{
    (void)unused;
    struct cleanup_address_seen *seen = cleanup_seen_new(2);
    assert_false(cleanup_seen_add(seen, "", "1"));
    assert_false(cleanup_seen_add(seen, "", "2"));
    assert_false(cleanup_seen_add(seen, "", "3"));
    assert_false(cleanup_seen_add(seen, "", "3")); /* not remembered */
    assert_true(cleanup_seen_add(seen, "", "1"));
    cleanup_seen_free(seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs_are_known_whatever_their_case),
        cmocka_unit_test(memory_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
