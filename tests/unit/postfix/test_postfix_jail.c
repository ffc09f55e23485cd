#include "unit/cm.h"

#include "postfix/postfix_jail.h"

static void the_chroot_column_decides(void **unused)
{
    (void)unused;
    static const struct {
        const char *name, *first, *second, *level;
        bool used;
    } rows[] = {
        {"none", "n", "n", "3.6", false},
        {"one is enough", "n", "y", "3.6", true},
        {"default is no", "-", "-", "3.6", false},
        {"default is no from level 1 on", "-", "n", "1", false},
        {"default was yes at level 0", "n", "-", "0", true},
        {"... and its minor ones", "-", "n", "0.5", true},
        {"n is n at level 0", "n", "n", "0", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[128];
        struct err err = ERR_INIT;
        struct master_entry *entries = NULL;
        print_message("  row: %s\n", rows[i].name);
        snprintf(text, sizeof text, "a unix - - %s - - a\nb unix - - %s - - b\n", rows[i].first,
                 rows[i].second);
        assert_true(master_cf_parse(slice_of(text), "master.cf", &entries, &err));
        assert_int_equal(postfix_jail_is_used(entries, rows[i].level), rows[i].used);
        master_cf_free(entries);
    }
    assert_false(postfix_jail_is_used(NULL, "0"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_chroot_column_decides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
