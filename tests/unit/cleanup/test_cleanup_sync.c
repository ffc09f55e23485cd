/* Files become durable one by one and through the journal; each is reported once, with its own
 * result, and a clean end leaves the journal empty. */
#include "unit/cm.h"

#include "cleanup/cleanup_params.h"
#include "cleanup/cleanup_sync.h"
#include "io/fd.h"
#include "mail/queue_journal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES = 300, BIG = 200 * 1024 };

struct seen {
    int times, error;
};

static struct loop *loop;
static int left;
static char *dir;

static int failing_call = -1; /* of fdatasync(), from 0 */

/* In the place of the system's. */
int fdatasync(int fd)
{
    (void)fd;
    if (failing_call < 0 || failing_call-- > 0)
        return 0;
    errno = EIO;
    return -1;
}

static void on_done(void *owner, int error)
{
    struct seen *seen = owner;
    seen->times++;
    seen->error = error;
    if (--left == 0)
        loop_stop(loop);
}

/* Some descriptors cannot be synced, some files are too large for the journal. */
static bool is_broken(int i)
{
    return i % 7 == 3;
}

static size_t size_of(int i)
{
    return i % 50 == 4 ? BIG : 4000;
}

static int open_file(int i)
{
    if (is_broken(i))
        return -1;
    int fd = memfd_create("queue file", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)size_of(i)), 0);
    return fd;
}

static bool journal_was_used(void)
{
    struct stat st;
    return stat(QUEUE_JOURNAL_DIR "/1", &st) == 0 && st.st_size > 100 * 4000;
}

static void run(bool wants_journal, bool uses_journal)
{
    struct seen seen[FILES] = {{0}};
    if (uses_journal && !queue_journal_is_possible())
        skip(); /* an old kernel, or a file system in memory */
    cleanup_params.queue_journal = wants_journal;
    loop = loop_new();
    cleanup_sync_prepare();
    cleanup_sync_start(loop);
    int rounds = 0;
    do { /* the journal is opened while the first files wait, and may take all others at once */
        left = FILES;
        rounds++;
        for (int i = 0; i < FILES; i++)
            cleanup_sync(open_file(i), size_of(i), "incoming", "ABC123", on_done, &seen[i]);
        loop_run(loop);
    } while (uses_journal && (!journal_was_used() || failing_call >= 0));
    cleanup_sync_stop();
    loop_free(loop);
    for (int i = 0; i < FILES; i++) {
        assert_int_equal(seen[i].times, rounds);
        assert_int_equal(seen[i].error, is_broken(i) ? EBADF : 0);
    }
}

static bool no_entry(void *ctx, const struct queue_journal_entry *entry)
{
    (void)ctx;
    (void)entry;
    return false;
}

static void test_one_by_one(void **state)
{
    (void)state;
    run(false, false);
    assert_int_equal(access(QUEUE_JOURNAL_DIR "/1", F_OK), -1);
}

static void test_journal(void **state)
{
    struct err err = ERR_INIT;
    (void)state;
    run(true, true);
    CLEANUP(fd_done) int fd = open(QUEUE_JOURNAL_DIR "/1", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_true(queue_journal_read(fd, no_entry, NULL, &err));
}

static void test_journal_that_fails(void **state)
{
    (void)state;
    for (int call = 0; call < 3; call++) {
        failing_call = call;
        unlink(QUEUE_JOURNAL_DIR "/1");
        run(true, true); /* one by one after that */
        assert_int_equal(failing_call, -1);
    }
}

static void test_no_directory(void **state)
{
    (void)state;
    unlink(QUEUE_JOURNAL_DIR "/1");
    assert_int_equal(rmdir(QUEUE_JOURNAL_DIR), 0);
    run(true, false);
    assert_int_equal(mkdir(QUEUE_JOURNAL_DIR, 0700), 0);
}

/* Below the build directory: /tmp may be in memory, where no journal is used. */
static int setup(void **state)
{
    char name[] = "test_cleanup_sync.XXXXXX";
    (void)state;
    assert_non_null(mkdtemp(name));
    assert_int_equal(chdir(name), 0);
    dir = getcwd(NULL, 0);
    assert_non_null(dir);
    return mkdir(QUEUE_JOURNAL_DIR, 0700);
}

static int teardown(void **state)
{
    (void)state;
    unlink(QUEUE_JOURNAL_DIR "/1");
    rmdir(QUEUE_JOURNAL_DIR);
    assert_int_equal(chdir("/"), 0);
    int status = rmdir(dir);
    free(dir);
    return status;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_by_one),
        cmocka_unit_test(test_journal),
        cmocka_unit_test(test_journal_that_fails),
        cmocka_unit_test(test_no_directory),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
