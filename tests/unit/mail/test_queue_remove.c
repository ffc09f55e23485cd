#include "mail/queue_remove.h"

#include "config/common_params.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static char dir[] = "/tmp/test_queue_remove.XXXXXX";

static int enter_dir(void **unused)
{
    (void)unused;
    return mkdtemp(dir) && chdir(dir) == 0 && mkdir("active", 0700) == 0 ? 0 : -1;
}

static int leave_dir(void **unused)
{
    (void)unused;
    return rmdir("active") == 0 && chdir("/") == 0 && rmdir(dir) == 0 ? 0 : -1;
}

static void remove_one(const char *path)
{
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    close(fd);
    assert_true(queue_remove(path, "AB123F"));
    assert_int_equal(access(path, F_OK), -1);
}

static void files_go(void **unused)
{
    (void)unused;
    common_params.dont_remove = 0;
    assert_int_equal(mkdir("saved", 0700), 0);
    remove_one("active/AB123F");
    assert_int_equal(rmdir("saved"), 0); /* nothing is in it */
    assert_false(queue_remove("active/AB123F", "AB123F"));
    assert_int_equal(errno, ENOENT);
}

static void files_are_kept(void **unused)
{
    (void)unused;
    static const char *const names[] = {"saved/AB123F", "saved/AB123F+", "saved/AB123F++"};
    common_params.dont_remove = 1;
    assert_int_equal(mkdir("saved", 0700), 0);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        assert_int_equal(access(names[i], F_OK), -1);
        remove_one("active/AB123F");
        assert_int_equal(access(names[i], F_OK), 0);
    }
    for (size_t i = 0; i < COUNT_OF(names); i++)
        assert_int_equal(unlink(names[i]), 0);
    assert_int_equal(rmdir("saved"), 0);
}

static void what_cannot_be_kept_goes(void **unused)
{
    (void)unused;
    common_params.dont_remove = 1;
    remove_one("active/AB123F"); /* there is no saved/ */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_go),
        cmocka_unit_test(files_are_kept),
        cmocka_unit_test(what_cannot_be_kept_goes),
    };
    return cmocka_run_group_tests(tests, enter_dir, leave_dir);
}
