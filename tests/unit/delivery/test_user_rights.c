#include "unit/cm.h"

#include "delivery/user_rights.h"

#include <fcntl.h>
#include <unistd.h>

enum { SOMEBODY = 54321 };

static void own_rights_need_no_change(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT;
    struct user_rights own = {getuid(), getgid()};
    assert_true(user_rights_take(&own, &err));
    assert_int_equal(geteuid(), getuid());
    user_rights_return();
    assert_true(user_rights_take(&own, &err)); /* it was given back */
    user_rights_return();
}

static void others_rights_need_root(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT;
    struct user_rights other = {SOMEBODY, SOMEBODY};
    if (!user_rights_can_change()) {
        assert_false(user_rights_take(&other, &err));
        assert_int_equal(err.kind, ERR_TEMP);
        return;
    }
    gid_t groups[2];
    assert_true(user_rights_take(&other, &err));
    assert_int_equal(geteuid(), SOMEBODY);
    assert_int_equal(getegid(), SOMEBODY);
    assert_int_equal(getgroups(2, groups), 1);
    assert_int_equal(groups[0], SOMEBODY);
    assert_int_equal(open("/etc/shadow", O_RDONLY), -1);
    user_rights_return();
    assert_int_equal(geteuid(), 0);
    assert_int_equal(getegid(), getgid());
}

static void commands_never_run_as_root(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT;
    struct user_rights root = {0, 0};
    assert_false(user_rights_take_for_good(&root, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_rights_need_no_change),
        cmocka_unit_test(others_rights_need_root),
        cmocka_unit_test(commands_never_run_as_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
