/* Who may submit mail, and under which name. */
#include "unit/cm.h"

#include "config/common_params.h"
#include "mail/submit_rights.h"

enum { NOBODY_HAS = 48123 }; /* a uid without account */

static void users_are_checked(void **unused)
{
    (void)unused;
    static const struct {
        const char *list;
        uid_t uid;
        enum err_kind kind;
        const char *reason;
    } rows[] = {
        {"static:anyone", 0, ERR_NONE, ""},
        {"", 0, ERR_PERM, "User root(0) is not allowed to submit mail"},
        {"!root, static:all", 0, ERR_PERM, "User root(0) is not allowed to submit mail"},
        {"!root, static:all", NOBODY_HAS, ERR_NONE, ""},
        {"root", NOBODY_HAS, ERR_PERM, "User unknown(48123) is not allowed to submit mail"},
        {"unknown", NOBODY_HAS, ERR_NONE, ""},
        {"fail:why", 0, ERR_TEMP, NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct err err = ERR_INIT;
        common_params.authorized_submit_users = rows[i].list;
        assert_int_equal(submit_rights_check_user(rows[i].uid, &err), rows[i].kind == ERR_NONE);
        assert_int_equal(err.kind, rows[i].kind);
        if (rows[i].reason && rows[i].kind != ERR_NONE)
            assert_string_equal(err.reason, rows[i].reason);
    }
}

static void senders_are_checked(void **unused)
{
    (void)unused;
    static const char table[] =
        "inline:{ { root = r1, @dom.test <> x+y@x.test } { uid:48123 = * } }";
    static const struct {
        const char *table;
        uid_t uid;
        const char *sender;
        enum err_kind kind;
    } rows[] = {
        {"static:*", 0, "any@x.test", ERR_NONE},
        {"", 0, "root", ERR_PERM},
        {"fail:why", 0, "root", ERR_TEMP},
        {table, NOBODY_HAS, "any@x.test", ERR_NONE},
        {table, 1, "r1", ERR_PERM},
        {table, 0, "r1", ERR_NONE},
        {table, 0, "R1", ERR_NONE},
        {table, 0, "r2", ERR_PERM},
        {table, 0, "r1+ext", ERR_NONE},
        {table, 0, "r1@x.test", ERR_PERM},
        {table, 0, "", ERR_NONE},
        {table, 0, "a@DOM.test", ERR_NONE},
        {table, 0, "a@dom.test.evil", ERR_PERM},
        {table, 0, "@dom.test@evil", ERR_PERM},
        {table, 0, "x+y@x.test", ERR_PERM}, /* compared without its extension */
    };
    common_params.recipient_delimiter = "+";
    common_params.empty_address_local_login_sender_maps_lookup_key = "<>";
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct err err = ERR_INIT;
        common_params.local_login_sender_maps = rows[i].table;
        submit_rights_check_sender(rows[i].uid, slice_of(rows[i].sender), &err);
        if (err.kind != rows[i].kind)
            fail_msg("%s, %s: %s", rows[i].table, rows[i].sender, err.reason);
    }
    struct err err = ERR_INIT;
    common_params.local_login_sender_maps = table;
    static const char hidden[] = "r1\0@x.test";
    assert_false(submit_rights_check_sender(0, (struct slice){hidden, sizeof hidden - 1}, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(users_are_checked),
        cmocka_unit_test(senders_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
