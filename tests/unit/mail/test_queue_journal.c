/* A journal gives back what was made durable through it, and nothing that was forgotten or torn. */
#include "unit/cm.h"

#include "base/strbuf.h"
#include "config/common_params.h"
#include "io/fd.h"
#include "mail/queue_id.h"
#include "mail/queue_journal.h"
#include "mail/queue_journal_private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST     QUEUE_JOURNAL_DIR "/1"
#define SECOND    QUEUE_JOURNAL_DIR "/2"
#define FILE_NAME QUEUE_INCOMING "/A1"

static const struct queue_journal_origin here = {"boot 1"}, elsewhere = {"boot 2"};
static struct err err;

static bool syncfs_fails;

/* In the place of the system's. */
int syncfs(int fd)
{
    (void)fd;
    errno = EIO;
    return syncfs_fails ? -1 : 0;
}

static int setup(void **state)
{
    *state = strdup("/tmp/test_queue_journal.XXXXXX");
    assert_non_null(mkdtemp(*state));
    assert_int_equal(chdir(*state), 0);
    assert_int_equal(mkdir(QUEUE_JOURNAL_DIR, 0700), 0);
    return 0;
}

static int teardown(void **state)
{
    for (int i = 1; i <= QUEUE_JOURNALS; i++) {
        char path[32];
        snprintf(path, sizeof path, QUEUE_JOURNAL_DIR "/%d", i);
        unlink(path);
    }
    rmdir(QUEUE_JOURNAL_DIR);
    unlink(FILE_NAME);
    rmdir(QUEUE_INCOMING);
    assert_int_equal(chdir("/"), 0);
    rmdir(*state);
    free(*state);
    return 0;
}

static struct queue_journal *open_journal(void)
{
    struct queue_journal *j = queue_journal_new(&here, &err);
    assert_non_null(j);
    return j;
}

static void add(struct queue_journal *j, const char *queue, const char *id, const char *text)
{
    int fd = memfd_create("queue file", MFD_CLOEXEC);
    assert_true(fd >= 0 && fd_write_all(fd, text, strlen(text)));
    assert_true(queue_journal_has_room(j, strlen(text)));
    assert_true(queue_journal_add(j, queue, id, fd, strlen(text)));
    close(fd);
}

static bool list_entry(void *ctx, const struct queue_journal_entry *e)
{
    strbuf_addf(ctx, "%.*s/%.*s=%.*s ", SLICE_ARG(e->queue), SLICE_ARG(e->id), SLICE_ARG(e->data));
    return true;
}

static void assert_entries(const char *path, const char *expected)
{
    CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY;
    CLEANUP(fd_done) int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_true(queue_journal_read(fd, list_entry, &out, &err));
    assert_string_equal(out.s, expected);
}

static void entries_come_back(void **state)
{
    (void)state;
    struct queue_journal *j = open_journal();
    assert_true(queue_journal_is_empty(j));
    add(j, "incoming", "A1", "one");
    add(j, "hold", "A2", "");
    assert_entries(FIRST, ""); /* not yet written */
    assert_true(queue_journal_flush(j));
    assert_false(queue_journal_is_empty(j));
    add(j, "incoming", "A3", "three");
    assert_true(queue_journal_flush(j));
    assert_entries(FIRST, "incoming/A1=one hold/A2= incoming/A3=three ");
    queue_journal_free(j);
    assert_entries(FIRST, "incoming/A1=one hold/A2= incoming/A3=three ");
}

static void settled_halves_are_forgotten(void **state)
{
    (void)state;
    struct queue_journal *j = open_journal();
    add(j, "incoming", "A1", "a longer text than those that follow");
    assert_true(queue_journal_flush(j));
    queue_journal_turn(j);
    assert_true(queue_journal_is_empty(j));
    add(j, "incoming", "B1", "two");
    assert_true(queue_journal_flush(j));
    assert_entries(FIRST, "incoming/A1=a longer text than those that follow incoming/B1=two ");
    assert_true(queue_journal_settle(j, &err));
    assert_entries(FIRST, "incoming/B1=two ");
    queue_journal_turn(j); /* the first half again, over the long text */
    add(j, "incoming", "C1", "3");
    assert_true(queue_journal_flush(j));
    assert_entries(FIRST, "incoming/C1=3 incoming/B1=two ");
    assert_true(queue_journal_settle(j, &err));
    assert_entries(FIRST, "incoming/C1=3 ");
    queue_journal_turn(j);
    assert_true(queue_journal_settle(j, &err));
    assert_entries(FIRST, "");
    queue_journal_free(j);
}

/* A write failed somewhere on the file system. */
static void settled_one_by_one(void **state)
{
    (void)state;
    common_params.hash_queue_names = "";
    assert_int_equal(mkdir(QUEUE_INCOMING, 0700), 0);
    CLEANUP(fd_done) int fd = open(FILE_NAME, O_RDWR | O_CREAT | O_CLOEXEC, 0700);
    assert_true(fd >= 0 && fd_write_all(fd, "N\2hi", 4));
    struct queue_journal *j = open_journal();
    add(j, "incoming", "A1", "N\2hi");
    add(j, "incoming", "A2", "N\2no"); /* delivered */
    assert_true(queue_journal_flush(j));
    queue_journal_turn(j);
    syncfs_fails = true;
    assert_true(queue_journal_settle(j, &err));
    assert_entries(FIRST, "");
    add(j, "incoming", "A1", "N\2ho"); /* what is on the disk is something else */
    assert_true(queue_journal_flush(j));
    queue_journal_turn(j);
    assert_false(queue_journal_settle(j, &err));
    assert_string_equal(err.reason, FILE_NAME ": damaged");
    assert_entries(FIRST, "incoming/A1=N\2ho ");
    syncfs_fails = false;
    queue_journal_free(j);
    j = open_journal(); /* the next process leaves them alone */
    assert_entries(FIRST, "incoming/A1=N\2ho ");
    queue_journal_free(j);
}

static void each_process_has_its_own(void **state)
{
    (void)state;
    struct queue_journal *all[QUEUE_JOURNALS];
    for (size_t i = 0; i < QUEUE_JOURNALS; i++)
        all[i] = open_journal();
    assert_null(queue_journal_new(&here, &err));
    assert_non_null(strstr(err.reason, "in use"));
    for (size_t i = 0; i < QUEUE_JOURNALS; i++)
        queue_journal_free(all[i]);
}

static void leave(const char *id)
{
    struct queue_journal *j = open_journal();
    add(j, "incoming", id, "x");
    assert_true(queue_journal_flush(j));
    queue_journal_free(j);
}

static void left_by_a_dead_process(void **state)
{
    (void)state;
    leave("A1");
    struct queue_journal *j = open_journal(); /* the memory that has the files is still there */
    assert_entries(FIRST, "");
    queue_journal_free(j);
    leave("A2");
    assert_entries(FIRST, "incoming/A2=x ");
}

static void left_by_a_crash(void **state)
{
    (void)state;
    leave("A1");
    struct queue_journal *j = queue_journal_new(&elsewhere, &err);
    assert_non_null(j);
    assert_entries(FIRST, "incoming/A1=x "); /* left alone until it is restored */
    assert_int_equal(access(SECOND, F_OK), 0);
    queue_journal_free(j);
}

static void origin_not_known(void **state)
{
    (void)state;
    static const struct queue_journal_origin unknown = {""};
    assert_false(queue_journal_same_origin(&unknown, &unknown));
    assert_true(queue_journal_same_origin(&here, &here));
    assert_false(queue_journal_same_origin(&here, &elsewhere));
}

static void change(const char *path, off_t at, const void *data, size_t len)
{
    CLEANUP(fd_done) int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0 && fd_pwrite_all(fd, data, len, at));
}

static void torn_entries_end_it(void **state)
{
    (void)state;
    struct queue_journal *j = open_journal();
    add(j, "incoming", "A1", "one");
    add(j, "incoming", "A2", "two");
    add(j, "incoming", "A3", "three");
    assert_true(queue_journal_flush(j));
    queue_journal_free(j);
    off_t entry = (off_t)(sizeof(struct journal_entry_head) + strlen("incomingA1one"));
    change(FIRST, JOURNAL_FIRST_HALF + 2 * entry - 1, "X", 1);
    assert_entries(FIRST, "incoming/A1=one ");
    change(FIRST, JOURNAL_FIRST_HALF, "X", 1);
    assert_entries(FIRST, "");
}

/* Nothing is forgotten because the header was being written when the machine went down. */
static void torn_header(void **state)
{
    (void)state;
    struct queue_journal *j = open_journal();
    add(j, "incoming", "A1", "one");
    assert_true(queue_journal_flush(j));
    queue_journal_free(j);
    change(FIRST, 9, "\377\377", 2);
    assert_entries(FIRST, "incoming/A1=one ");
    CLEANUP(fd_done) int fd = open(FIRST, O_RDONLY | O_CLOEXEC);
    struct queue_journal_origin origin = queue_journal_origin_of(fd);
    assert_string_equal(origin.text, "");
}

static void names_are_checked(void **state)
{
    static const char *const queues[] = {"incoming", "deferred", "incoming", "../x", "incoming"};
    static const char *const ids[] = {"../A1", "A2", "A/3", "A4", "A5"};
    (void)state;
    struct queue_journal *j = open_journal();
    for (size_t i = 0; i < COUNT_OF(ids); i++)
        add(j, queues[i], ids[i], "x");
    assert_true(queue_journal_flush(j));
    queue_journal_free(j);
    assert_entries(FIRST, "incoming/A5=x ");
}

static void full_half(void **state)
{
    (void)state;
    struct queue_journal *j = open_journal();
    CLEANUP(fd_done) int fd = memfd_create("queue file", MFD_CLOEXEC);
    size_t count = 0;
    assert_int_equal(ftruncate(fd, QUEUE_JOURNAL_ENTRY_MAX), 0);
    assert_false(queue_journal_has_room(j, QUEUE_JOURNAL_ENTRY_MAX + 1));
    while (queue_journal_has_room(j, QUEUE_JOURNAL_ENTRY_MAX)) {
        assert_true(queue_journal_add(j, "incoming", "A1", fd, QUEUE_JOURNAL_ENTRY_MAX));
        count++;
    }
    assert_true(queue_journal_flush(j));
    assert_in_range(count, 120, QUEUE_JOURNAL_HALF / QUEUE_JOURNAL_ENTRY_MAX);
    assert_false(queue_journal_has_room(j, QUEUE_JOURNAL_ENTRY_MAX));
    queue_journal_turn(j);
    add(j, "incoming", "B1", "other half");
    assert_true(queue_journal_flush(j));
    assert_true(queue_journal_settle(j, &err));
    assert_entries(FIRST, "incoming/B1=other half ");
    queue_journal_free(j);
}

static void shorter_than_said(void **state)
{
    (void)state;
    struct queue_journal *j = open_journal();
    CLEANUP(fd_done) int fd = memfd_create("queue file", MFD_CLOEXEC);
    assert_true(fd_write_all(fd, "abc", 3));
    assert_false(queue_journal_add(j, "incoming", "A1", fd, 4));
    assert_int_equal(errno, EIO);
    add(j, "incoming", "A2", "two");
    assert_true(queue_journal_flush(j));
    queue_journal_free(j);
    assert_entries(FIRST, "incoming/A2=two ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(entries_come_back, setup, teardown),
        cmocka_unit_test_setup_teardown(settled_halves_are_forgotten, setup, teardown),
        cmocka_unit_test_setup_teardown(settled_one_by_one, setup, teardown),
        cmocka_unit_test_setup_teardown(each_process_has_its_own, setup, teardown),
        cmocka_unit_test_setup_teardown(left_by_a_dead_process, setup, teardown),
        cmocka_unit_test_setup_teardown(left_by_a_crash, setup, teardown),
        cmocka_unit_test_setup_teardown(torn_entries_end_it, setup, teardown),
        cmocka_unit_test_setup_teardown(torn_header, setup, teardown),
        cmocka_unit_test_setup_teardown(names_are_checked, setup, teardown),
        cmocka_unit_test_setup_teardown(full_half, setup, teardown),
        cmocka_unit_test_setup_teardown(shorter_than_said, setup, teardown),
        cmocka_unit_test(origin_not_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
