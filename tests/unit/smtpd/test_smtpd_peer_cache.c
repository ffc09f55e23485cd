#include "unit/cm.h"

#include "base/clock.h"
#include "smtpd/smtpd_peer_cache.h"

static int64_t now_ms = 1000;

static int64_t test_clock(void)
{
    return now_ms;
}

static void a_name_is_remembered_for_a_while(void **unused)
{
    (void)unused;
    const char *name, *reverse;
    assert_false(smtpd_peer_cache_get("192.0.2.1", &name, &reverse));
    smtpd_peer_cache_put("192.0.2.1", "a.test", "b.test");
    assert_true(smtpd_peer_cache_get("192.0.2.1", &name, &reverse));
    assert_string_equal(name, "a.test");
    assert_string_equal(reverse, "b.test");
    now_ms += SMTPD_PEER_CACHE_MS;
    assert_false(smtpd_peer_cache_get("192.0.2.1", &name, &reverse));
}

static void no_name_is_remembered_too(void **unused)
{
    (void)unused;
    const char *name = "x", *reverse = "x";
    smtpd_peer_cache_put("192.0.2.2", NULL, NULL);
    assert_true(smtpd_peer_cache_get("192.0.2.2", &name, &reverse));
    assert_null(name);
    assert_null(reverse);
}

static void a_newer_answer_replaces_the_older(void **unused)
{
    (void)unused;
    const char *name, *reverse;
    smtpd_peer_cache_put("192.0.2.3", "old.test", "old.test");
    smtpd_peer_cache_put("192.0.2.3", "new.test", "new.test");
    assert_true(smtpd_peer_cache_get("192.0.2.3", &name, &reverse));
    assert_string_equal(name, "new.test");
}

static void it_is_bounded_and_forgets_the_oldest(void **unused)
{
    (void)unused;
    const char *name, *reverse;
    char address[32];
    for (int i = 0; i <= SMTPD_PEER_CACHE_MAX; i++) {
        snprintf(address, sizeof address, "2001:db8::%x", i);
        smtpd_peer_cache_put(address, "n.test", "n.test");
    }
    assert_false(smtpd_peer_cache_get("2001:db8::0", &name, &reverse));
    assert_true(smtpd_peer_cache_get(address, &name, &reverse));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_remembered_for_a_while),
        cmocka_unit_test(no_name_is_remembered_too),
        cmocka_unit_test(a_newer_answer_replaces_the_older),
        cmocka_unit_test(it_is_bounded_and_forgets_the_oldest),
    };
    clock_now_ms = test_clock;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
