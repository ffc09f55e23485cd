#include "config/param_near.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <string.h>

static void distances(void **unused)
{
    (void)unused;
    static const struct {
        const char *a, *b;
        size_t limit, distance;
    } rows[] = {
        {"", "", 3, 0},
        {"abc", "", 9, 3},
        {"", "abc", 9, 3},
        {"myhostname", "myhostname", 3, 0},
        {"myhostnme", "myhostname", 3, 1},   /* dropped */
        {"myhosstname", "myhostname", 3, 1}, /* added */
        {"myhostnane", "myhostname", 3, 1},  /* changed */
        {"myhsotname", "myhostname", 3, 1},  /* swapped */
        {"ca", "abc", 9, 3}, /* a letter is not added between two that are swapped */
        {"relayhost", "mydomain", 4, 4},
        {"abcdefgh", "ijklmnop", 9, 8},
        {"abcdefgh", "ijklmnop", 8, 8},
        {"abcd", "abcdefgh", 4, 4},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        print_message("  row: %s, %s\n", rows[i].a, rows[i].b);
        assert_int_equal(param_near_distance(rows[i].a, rows[i].b, rows[i].limit),
                         rows[i].distance);
        assert_int_equal(param_near_distance(rows[i].b, rows[i].a, rows[i].limit),
                         rows[i].distance);
    }
}

static void long_names_are_not_compared(void **unused)
{
    (void)unused;
    char a[300];
    memset(a, 'a', sizeof a - 1);
    a[sizeof a - 1] = '\0';
    assert_int_equal(param_near_distance(a, a, 3), 3);
    a[101] = '\0';
    assert_int_equal(param_near_distance(a, a, 3), 3);
    a[100] = '\0';
    assert_int_equal(param_near_distance(a, a, 3), 0);
}

static void best_come_first(void **unused)
{
    (void)unused;
    static const char *const candidates[] = {"relay_hosts", "relayhosts", "relay_domains",
                                             "relayhost",   "relaihost",  "relay_host"};
    static const struct {
        const char *wanted, *found[PARAM_NEAR_MOST];
    } rows[] = {
        {"relayhost", {"relayhost", "relayhosts", "relaihost"}},
        {"relayhst", {"relayhost", "relayhosts", "relaihost"}},
        {"relay_domain", {"relay_domains"}},
        {"domains", {NULL}}, /* too short to stand for the end of a name */
        {"x", {NULL}},
        {"something_else", {NULL}},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct param_near near;
        print_message("  row: %s\n", rows[i].wanted);
        param_near_init(&near, rows[i].wanted);
        for (size_t c = 0; c < COUNT_OF(candidates); c++)
            param_near_try(&near, candidates[c]);
        size_t count = 0;
        while (count < PARAM_NEAR_MOST && rows[i].found[count])
            count++;
        assert_int_equal(near.count, count);
        for (size_t c = 0; c < count; c++)
            assert_string_equal(near.names[c], rows[i].found[c]);
    }
}

static void front_left_out(void **unused)
{
    (void)unused;
    struct param_near near;
    param_near_init(&near, "tls_security_level");
    param_near_try(&near, "smtpd_tls_security_level");
    param_near_try(&near, "smtpdtls_security_level_maps");
    param_near_try(&near, "tls_security_levels");
    assert_int_equal(near.count, 2);
    assert_string_equal(near.names[0], "tls_security_levels");
    assert_string_equal(near.names[1], "smtpd_tls_security_level");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distances),
        cmocka_unit_test(long_names_are_not_compared),
        cmocka_unit_test(best_come_first),
        cmocka_unit_test(front_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
