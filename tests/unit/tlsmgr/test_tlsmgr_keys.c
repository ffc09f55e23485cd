/* When keys are made, how long they read tickets, what askers are told. */
#include "unit/cm.h"

#include "base/clock.h"
#include "tlsmgr/tlsmgr_keys.h"

#include <string.h>

static int64_t now_ms;
static int64_t fake_now(void)
{
    return now_ms;
}

enum { LIFETIME_S = 3600 };

static struct tlsmgr_ring ring;
static struct tlsmgr_key keys[TLSMGR_KEYS_MAX];

static struct tlsmgr_state ask(int64_t at_s)
{
    struct tlsmgr_state state = {0};
    now_ms = at_s * 1000;
    assert_true(tlsmgr_keys_state(&ring, LIFETIME_S, keys, &state));
    return state;
}

static bool is_same(struct slice a, const char *b)
{
    return memcmp(a.s, b, a.len) == 0;
}

static int begin(void **state)
{
    (void)state;
    clock_now_ms = fake_now;
    memset(&ring, 0, sizeof ring);
    return 0;
}

static void a_key_is_shared_until_half_the_lifetime_is_over(void **state)
{
    (void)state;
    struct tlsmgr_state got = ask(1000);
    char name[TLSMGR_KEY_NAME];
    assert_int_equal(got.keys_count, 1);
    assert_int_equal(got.fresh_s, LIFETIME_S / 2);
    assert_int_equal(got.keys[0].cipher_key.len, TLSMGR_KEY_CIPHER);
    assert_int_equal(got.keys[0].mac_key.len, TLSMGR_KEY_MAC);
    memcpy(name, got.keys[0].name.s, sizeof name);

    got = ask(1000 + LIFETIME_S / 2 - 1);
    assert_int_equal(got.keys_count, 1);
    assert_int_equal(got.fresh_s, 1);
    assert_true(is_same(got.keys[0].name, name));

    got = ask(1000 + LIFETIME_S / 2);
    assert_int_equal(got.keys_count, 2);
    assert_false(is_same(got.keys[0].name, name));
    assert_true(is_same(got.keys[1].name, name));
}

static void an_old_key_goes(void **state)
{
    (void)state;
    ask(0);
    struct tlsmgr_state got = ask(LIFETIME_S / 2 + 100);
    assert_int_equal(got.keys_count, 2);
    got = ask(LIFETIME_S); /* the second one is in use, the first has read its last ticket */
    assert_int_equal(got.keys_count, 1);
    got = ask(10 * LIFETIME_S); /* nobody asked for long: the one before reads nothing either */
    assert_int_equal(got.keys_count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_key_is_shared_until_half_the_lifetime_is_over, begin),
        cmocka_unit_test_setup(an_old_key_goes, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
