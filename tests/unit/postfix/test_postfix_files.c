#include "unit/cm.h"

#include "postfix/postfix.h"

static void lines_are_read(void **unused)
{
    (void)unused;
    static const struct {
        const char *name, *line;
        bool works;
        const char *path;
        char type;
        const char *owner, *group;
        mode_t mode;
        bool created, recursive, obsolete;
    } rows[] = {
        {"directory", "$queue_directory/active:d:$mail_owner:-:700:ucr", true,
         "$queue_directory/active", 'd', "$mail_owner", "-", 0700, true, true, false},
        {"set-gid", "$command_directory/postdrop:f:root:$setgid_group:2755:u", true,
         "$command_directory/postdrop", 'f', "root", "$setgid_group", 02755, false, false, false},
        {"comment first", "# x\n\n  $a/b:f:root:-:644:o", true, "$a/b", 'f', "root", "-", 0644,
         false, false, true},
        {"hard link", "$newaliases_path:l:$sendmail_path", true, "$newaliases_path", 'l',
         "$sendmail_path", "", 0, false, false, false},
        {"no type", "/x:", false, "", 0, "", "", 0, false, false, false},
        {"bad type", "/x:z:root:-:644:u", false, "", 0, "", "", 0, false, false, false},
        {"bad mode", "/x:f:root:-:8:u", false, "", 0, "", "", 0, false, false, false},
        {"mode too large", "/x:f:root:-:70000:u", false, "", 0, "", "", 0, false, false, false},
        {"no path", ":f:root:-:644:u", false, "", 0, "", "", 0, false, false, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct slice in = slice_of(rows[i].line);
        struct postfix_file file;
        struct err err = ERR_INIT;
        print_message("  row: %s\n", rows[i].name);
        assert_int_equal(postfix_file_next(&in, &file, &err), rows[i].works);
        assert_int_equal(err.kind != ERR_NONE, !rows[i].works);
        if (!rows[i].works)
            continue;
        assert_true(slice_eq(file.path, rows[i].path));
        assert_int_equal(file.type, rows[i].type);
        assert_true(slice_eq(file.owner, rows[i].owner));
        assert_true(slice_eq(file.group, rows[i].group));
        assert_int_equal(file.mode, rows[i].mode);
        assert_int_equal(file.is_created, rows[i].created);
        assert_int_equal(file.is_recursive, rows[i].recursive);
        assert_int_equal(file.is_obsolete, rows[i].obsolete);
    }
}

static void end_of_text_is_no_error(void **unused)
{
    (void)unused;
    struct slice in = slice_of("# only a comment\n\n");
    struct postfix_file file;
    struct err err = ERR_INIT;
    assert_false(postfix_file_next(&in, &file, &err));
    assert_int_equal(err.kind, ERR_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_read),
        cmocka_unit_test(end_of_text_is_no_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
