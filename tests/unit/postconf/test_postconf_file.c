#include "tools/postconf/postconf_file.h"

#include "base/xmem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <dirent.h>
#include <unistd.h>

struct place {
    char dir[40], path[60], temp[60];
};

static void set_up(struct place *place, const char *content)
{
    (void)snprintf(place->dir, sizeof place->dir, "/tmp/test_postconf_file.XXXXXX");
    assert_non_null(mkdtemp(place->dir));
    (void)snprintf(place->path, sizeof place->path, "%s/main.cf", place->dir);
    (void)snprintf(place->temp, sizeof place->temp, "%s/main.cf.tmp", place->dir);
    FILE *file = fopen(place->path, "w");
    assert_non_null(file);
    assert_true(fputs(content, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(place->path, 0640), 0);
}

static void tear_down(const struct place *place)
{
    (void)unlink(place->temp);
    (void)unlink(place->path);
    assert_int_equal(rmdir(place->dir), 0); /* nothing else is left over */
}

static void replace(const struct place *place, const char *content)
{
    struct postconf_file file;
    struct err err = ERR_INIT;
    assert_true(postconf_file_open(&file, place->path, &err));
    assert_true(postconf_file_replace(&file, slice_of(content), &err));
    postconf_file_done(&file);
}

static void owner_and_mode_stay(void **unused)
{
    (void)unused;
    struct place place;
    struct stat before, after;
    set_up(&place, "old\n");
    assert_int_equal(stat(place.path, &before), 0);
    replace(&place, "a = b\n");
    assert_int_equal(stat(place.path, &after), 0);
    assert_int_equal(after.st_mode & 07777, 0640);
    assert_int_equal(after.st_uid, before.st_uid);
    assert_int_equal(after.st_gid, before.st_gid);
    assert_int_equal(after.st_size, 6);
    assert_int_equal(access(place.temp, F_OK), -1);
    tear_down(&place);
}

static void what_was_left_over_is_dropped(void **unused)
{
    (void)unused;
    struct place place;
    struct stat after;
    set_up(&place, "old\n");
    FILE *left = fopen(place.temp, "w");
    assert_non_null(left);
    assert_true(fputs("much longer than what comes now\n", left) >= 0);
    assert_int_equal(fclose(left), 0);
    replace(&place, "a\n");
    assert_int_equal(stat(place.path, &after), 0);
    assert_int_equal(after.st_size, 2);
    tear_down(&place);
}

static void giving_up_changes_nothing(void **unused)
{
    (void)unused;
    struct place place;
    struct postconf_file file;
    struct err err = ERR_INIT;
    set_up(&place, "old\n");
    assert_true(postconf_file_open(&file, place.path, &err));
    assert_string_equal(file.content.s, "old\n");
    assert_int_equal(access(place.temp, F_OK), 0);
    postconf_file_done(&file);
    assert_int_equal(access(place.temp, F_OK), -1);
    tear_down(&place);
}

static void a_missing_file_is_an_error(void **unused)
{
    (void)unused;
    struct place place;
    struct postconf_file file;
    struct err err = ERR_INIT;
    set_up(&place, "");
    assert_int_equal(unlink(place.path), 0);
    assert_false(postconf_file_open(&file, place.path, &err));
    assert_non_null(strstr(err.reason, "main.cf for reading: No such file"));
    postconf_file_done(&file);
    tear_down(&place);
}

static void a_link_in_the_place_of_the_new_file_is_refused(void **unused)
{
    (void)unused;
    struct place place;
    struct postconf_file file;
    struct err err = ERR_INIT;
    set_up(&place, "old\n");
    assert_int_equal(symlink("/nonexistent/x", place.temp), 0);
    assert_false(postconf_file_open(&file, place.path, &err));
    postconf_file_done(&file);
    tear_down(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(owner_and_mode_stay),
        cmocka_unit_test(what_was_left_over_is_dropped),
        cmocka_unit_test(giving_up_changes_nothing),
        cmocka_unit_test(a_missing_file_is_an_error),
        cmocka_unit_test(a_link_in_the_place_of_the_new_file_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
