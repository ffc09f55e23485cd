#include "tools/postconf/postconf_lines.h"

#include "base/xmem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

struct wish {
    const char *prefix;
    enum line_action action;
};

static enum line_action decide(void *ctx, struct slice logical, struct strbuf *replacement)
{
    const struct wish *wish = ctx;
    if (!slice_starts(logical, wish->prefix))
        return LINE_KEEP;
    strbuf_add_str(replacement, "new = 1");
    return wish->action;
}

static void the_rest_stays(void **unused)
{
    (void)unused;
    static const char text[] = "# top\na = 1\nb = 2,\n  3\n # in\n\n  4\n#b = 5\nc = 6";
    static const struct {
        const char *name;
        struct wish wish;
        const char *result;
    } rows[] = {
        {"nothing", {"x", LINE_DELETE}, "# top\na = 1\nb = 2,\n  3\n # in\n\n  4\n#b = 5\nc = 6\n"},
        {"replace", {"b", LINE_REPLACE}, "# top\na = 1\nnew = 1\n # in\n\n#b = 5\nc = 6\n"},
        {"delete", {"b", LINE_DELETE}, "# top\na = 1\n # in\n\n#b = 5\nc = 6\n"},
        {"comment",
         {"b", LINE_COMMENT},
         "# top\na = 1\n#b = 2,\n#  3\n # in\n\n#  4\n#b = 5\nc = 6\n"},
        {"last, without line end",
         {"c", LINE_REPLACE},
         "# top\na = 1\nb = 2,\n  3\n # in\n\n  4\n#b = 5\nnew = 1\n"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY;
        struct wish wish = rows[i].wish;
        print_message("  row: %s\n", rows[i].name);
        postconf_lines_edit(slice_of(text), decide, &wish, &out);
        assert_string_equal(out.s, rows[i].result);
    }
}

static int count_files(const char *dir)
{
    int count = 0;
    DIR *d = opendir(dir);
    assert_non_null(d);
    while (readdir(d))
        count++;
    (void)closedir(d);
    return count;
}

static void a_file_is_replaced_at_once(void **unused)
{
    (void)unused;
    char dir[] = "/tmp/test_postconf_lines.XXXXXX";
    assert_non_null(mkdtemp(dir));
    CLEANUP(xfree_ptr) char *path = xasprintf("%s/main.cf", dir);
    struct err err = ERR_INIT;
    assert_false(postconf_lines_replace_file(path, slice_of("x"), &err));
    assert_non_null(strstr(err.reason, "main.cf: No such file"));

    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0640), 0);
    struct stat before, after;
    assert_int_equal(stat(path, &before), 0);
    assert_true(postconf_lines_replace_file(path, slice_of("a = b\n"), &err));
    assert_int_equal(stat(path, &after), 0);
    assert_int_equal(after.st_mode & 07777, 0640);
    assert_int_equal(after.st_uid, before.st_uid);
    assert_int_equal(after.st_size, 6);
    assert_int_not_equal(after.st_ino, before.st_ino);
    assert_int_equal(count_files(dir), 3); /* ".", "..", main.cf: nothing is left over */
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rest_stays),
        cmocka_unit_test(a_file_is_replaced_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
