#include "unit/cm.h"

#include "smtp/smtp_tls_sts.h"

/* RFC 8461, section 4.1: a star is one label, the leftmost. */
static void hosts(void **unused)
{
    (void)unused;
    // clang-format off
    static const struct { const char *pattern, *host; bool ok; } rows[] = {
        {"mx.far.test", "mx.far.test", true},     {"mx.far.test", "MX.Far.Test.", true},
        {"MX.far.test", "mx.far.test", true},     {"mx.far.test", "a.mx.far.test", false},
        {"*.far.test", "mx.far.test", true},      {"*.far.test", "a.mx.far.test", false},
        {"*.far.test", "far.test", false},        {"*.far.test", ".far.test", true},
        {"*far.test", "mxfar.test", false},       {"*", "mx", false},
        {"*.", "mx.", false},                     {"mx.far.test", "", false},
    };
    // clang-format on
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *patterns[] = {"none.test", rows[i].pattern};
        const struct smtp_tls_sts sts = {.type = "sts", .patterns = patterns, .pattern_count = 2};
        ROW(rows[i].pattern);
        assert_int_equal(smtp_tls_sts_allows(&sts, rows[i].host), rows[i].ok);
        assert_true(smtp_tls_sts_has_hosts(&sts));
    }
}

static void attributes(void **unused)
{
    (void)unused;
    CLEANUP(arena_free_ptr) struct arena *arena = arena_new("test");
    struct smtp_tls_sts sts = {0};
    const char *wrong = NULL;
#define SET(name, value) smtp_tls_sts_set(&sts, slice_of(name), slice_of(value), arena, &wrong)
    assert_false(SET("policy", "sts"));
    assert_true(SET("policy_type", "no-policy-found") && !wrong);
    assert_false(smtp_tls_sts_is_policy(&sts));
    assert_true(SET("Policy_Type", "sts") && !wrong);
    assert_true(smtp_tls_sts_is_policy(&sts) && !smtp_tls_sts_has_hosts(&sts));
    assert_true(SET("policy_ttl", "-1") && wrong);
    assert_true(SET("policy_ttl", "10") && !wrong);
    assert_int_equal(sts.ttl_s, 10);
    for (size_t i = 0; i < 100; i++)
        assert_true(SET("mx_host_pattern", "a") && !wrong);
    assert_true(SET("mx_host_pattern", "a") && wrong);
    assert_int_equal(sts.pattern_count, 100);
    assert_true(SET("policy_string", "") && wrong);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(hosts), cmocka_unit_test(attributes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
