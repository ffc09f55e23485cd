/* Files become durable one by one and together; each is reported once, with its own result. */
#include "unit/cm.h"

#include "cleanup/cleanup_params.h"
#include "cleanup/cleanup_sync.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

enum { FILES = 60 };

struct seen {
    int times, error;
};

static struct loop *loop;
static int left;

static void on_done(void *owner, int error)
{
    struct seen *seen = owner;
    seen->times++;
    seen->error = error;
    if (--left == 0)
        loop_stop(loop);
}

/* Each seventh descriptor is one that cannot be synced. */
static int open_file(int i)
{
    if (i % 7 == 3)
        return -1;
    int fd = memfd_create("queue file", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "x", 1), 1);
    return fd;
}

static void run(const char *choice)
{
    struct seen seen[FILES] = {{0}};
    cleanup_params.queue_sync_together = choice;
    loop = loop_new();
    cleanup_sync_prepare();
    cleanup_sync_start(loop);
    left = FILES;
    for (int i = 0; i < FILES; i++)
        cleanup_sync(open_file(i), on_done, &seen[i]);
    loop_run(loop);
    cleanup_sync_stop();
    loop_free(loop);
    for (int i = 0; i < FILES; i++) {
        assert_int_equal(seen[i].times, 1);
        assert_int_equal(seen[i].error, i % 7 == 3 ? EBADF : 0);
    }
}

static void test_one_by_one(void **state)
{
    (void)state;
    run("no");
}

static void test_together(void **state)
{
    (void)state;
    run("yes");
}

static void test_as_the_system_says(void **state)
{
    (void)state;
    run("auto");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_by_one),
        cmocka_unit_test(test_together),
        cmocka_unit_test(test_as_the_system_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
