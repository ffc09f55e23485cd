/* The attributes of a spawn service. */
#include "unit/cm.h"

#include "spawn/spawn_attributes.h"

#include <pwd.h>
#include <string.h>
#include <unistd.h>

enum { WORDS_MAX = 6 };

static char own[300],
    own_root_group[300]; /* user= of who runs the test, or of somebody when that is root */

static void test_faults(void **state)
{
    (void)state;
    static const struct {
        const char *args[WORDS_MAX];
        const char *wrong; /* NULL: fine */
    } rows[] = {
        {{own, "argv=/bin/true"}, NULL},
        {{own, "argv=x", "user=root", "argv=y"}, NULL},
        {{own, "argv="}, NULL},
        {{NULL}, "missing user= attribute"},
        {{"argv=/bin/true"}, "missing user= attribute"},
        {{own}, "missing argv= attribute"},
        {{own, "/bin/true"}, "unknown attribute name: /bin/true"},
        {{own, "directory=/", "argv=x"}, "unknown attribute name: directory=/"},
        {{"user=", "argv=x"}, "unknown user name: "},
        {{"user=no-such-user:daemon", "argv=x"}, "unknown user name: no-such-user"},
        {{"user=no-such-user", own, "argv=x"}, "unknown user name: no-such-user"},
        {{"user=nobody:", "argv=x"}, "unknown group name: "},
        {{"user=nobody:no-such-group", "argv=x"}, "unknown group name: no-such-group"},
        {{"user=root", "argv=x"}, "request to deliver as root"},
        {{own_root_group, "argv=x"}, "request to use privileged group id 0"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct spawn_attributes a;
        struct err err = ERR_INIT;
        bool ok = spawn_attributes_parse((char *const *)rows[i].args, "daemon", &a, &err);
        if (rows[i].wrong)
            assert_string_equal(err.reason, rows[i].wrong);
        assert_int_equal(ok, rows[i].wrong == NULL);
        spawn_attributes_done(&a);
    }
}

static void test_long_user(void **state)
{
    (void)state;
    char word[5000] = "user=";
    memset(word + 5, 'u', sizeof word - 6);
    word[sizeof word - 1] = 0;
    char *args[] = {word, "argv=x", NULL};
    struct spawn_attributes a;
    struct err err = ERR_INIT;
    assert_false(spawn_attributes_parse(args, "daemon", &a, &err));
    assert_memory_equal(err.reason, "unknown user name: uuu", 22);
    spawn_attributes_done(&a);
}

/* Words behind argv= are the command's, whatever they look like. */
static void test_command(void **state)
{
    (void)state;
    char *args[] = {own, "argv=/bin/x", "", "user=root", "$x", NULL};
    struct spawn_attributes a;
    struct err err = ERR_INIT;
    assert_true(spawn_attributes_parse(args, "daemon", &a, &err));
    assert_int_equal(a.command.count, 4);
    for (size_t i = 1; i < 4; i++)
        assert_string_equal(a.command.at[i], args[1 + i]);
    assert_string_equal(a.command.at[0], "/bin/x");
    spawn_attributes_done(&a);
}

static void test_owner(void **state)
{
    (void)state;
    static const struct {
        const char *user, *owner, *wrong;
    } rows[] = {
        {"user=daemon", "daemon", "request to deliver as mail system owner"},
        {"user=nobody:daemon", "daemon", "request to use mail system owner group id 1"},
        {"user=daemon", "nobody", NULL},
    };
    if (geteuid() != 0)
        skip(); /* an instance without root acts for its owner alone */
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *args[] = {rows[i].user, "argv=x", NULL};
        struct spawn_attributes a;
        struct err err = ERR_INIT;
        bool ok = spawn_attributes_parse((char *const *)args, rows[i].owner, &a, &err);
        assert_int_equal(ok, rows[i].wrong == NULL);
        if (!ok)
            assert_string_equal(err.reason, rows[i].wrong);
        spawn_attributes_done(&a);
    }
}

int main(void)
{
    const struct passwd *me = geteuid() == 0 ? getpwnam("nobody") : getpwuid(geteuid());
    snprintf(own, sizeof own, "user=%s", me->pw_name);
    snprintf(own_root_group, sizeof own_root_group, "user=%s:root", me->pw_name);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_long_user),
        cmocka_unit_test(test_command),
        cmocka_unit_test(test_owner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
