#include "unit/cm.h"

#include "config/common_params.h"
#include "postsuper/postsuper.h"

static void the_inode_is_in_the_name(void **unused)
{
    (void)unused;
    static const struct {
        const char *id;
        ino_t inode;
        bool long_ids, every_name, ok;
        const char *right;
    } rows[] = {
        {"A8BB0AA8026", 0xAA8026, false, false, true, "A8BB0AA8026"},
        {"A8BB0AA8026", 0x123, false, false, true, "A8BB0123"},
        {"A8BB0AA8026", 0xAA8026, true, false, true, "A8BB0AA8026"},
        {"A8BB0AA8026", 0x123, true, false, true, "A8BB0123"},
        {"4jX4cb3Wx7z1dD8j", 11174341, true, false, true, "4jX4cb3Wx7z1dD8j"},
        {"4jX4cb3Wx7z1dD8j", 5, true, false, true, "4jX4cb3Wx7z1dD8j"},
        {"4jX4cb3Wx7z1dD8j", 5, true, true, true, "4jX4cb3Wx7z5"},
        {"4jX4cb3Wx7z1dD8j", 0xAA8026, false, false, true, "796EBAA8026"},
        {"D000", 5, false, false, false, ""},
        {"D000100G", 5, false, false, false, ""},
        {"bad-name", 5, false, false, false, ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct strbuf right = STRBUF_ANY;
        ROW(rows[i].id);
        common_params.enable_long_queue_ids = rows[i].long_ids;
        assert_int_equal(
            postsuper_right_name(slice_of(rows[i].id), rows[i].inode, rows[i].every_name, &right),
            rows[i].ok);
        if (rows[i].ok)
            assert_strbuf(right, rows[i].right);
        strbuf_done(&right);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_inode_is_in_the_name)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
