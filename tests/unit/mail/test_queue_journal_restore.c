/* Whatever a crash made of a queue file, it is whole afterwards, and deliveries are not forgotten.
 */
#include "unit/cm.h"

#include "base/strbuf.h"
#include "config/common_params.h"
#include "io/fd.h"
#include "mail/queue_id.h"
#include "mail/queue_journal_restore.h"
#include "mail/record.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ID "0123456789"

static const char *const queues[] = {QUEUE_INCOMING, QUEUE_ACTIVE, QUEUE_DEFERRED, QUEUE_HOLD,
                                     QUEUE_CORRUPT};
static struct strbuf message = STRBUF_ANY;
static size_t written; /* by pwrite() */

/* In the place of the system's. */
ssize_t pwrite(int fd, const void *data, size_t len, off_t offset)
{
    written += len;
    return syscall(SYS_pwrite64, fd, data, len, offset);
}

static int setup(void **state)
{
    common_params.hash_queue_names = "deferred";
    common_params.hash_queue_depth = 1;
    *state = strdup("/tmp/test_queue_restore.XXXXXX");
    assert_non_null(mkdtemp(*state));
    assert_int_equal(chdir(*state), 0);
    for (size_t i = 0; i < COUNT_OF(queues); i++)
        assert_int_equal(mkdir(queues[i], 0700), 0);
    strbuf_reset(&message);
    record_addf(&message, REC_WARN, "%15d", 7);
    record_add(&message, REC_SENDER, slice_of("a@b.test"));
    record_add(&message, REC_RECIPIENT, slice_of("c@d.test"));
    record_add(&message, REC_RECIPIENT, slice_of("e@f.test"));
    record_add(&message, REC_LINE, slice_of("Subject: D, and R"));
    record_add(&message, REC_END, SLICE_EMPTY);
    return 0;
}

static int teardown(void **state)
{
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_ANY;
    for (size_t i = 0; i < COUNT_OF(queues); i++) {
        queue_path(&path, queues[i], ID);
        unlink(path.s);
        rmdir("deferred/0");
        assert_int_equal(rmdir(queues[i]), 0);
    }
    assert_int_equal(chdir("/"), 0);
    rmdir(*state);
    free(*state);
    strbuf_done(&message);
    return 0;
}

static void put(const char *queue, struct slice bytes, mode_t mode)
{
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_ANY;
    queue_path(&path, queue, ID);
    queue_path_make_dirs(path.s);
    CLEANUP(fd_done) int fd = open(path.s, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0 && fd_write_all(fd, bytes.s, bytes.len));
    assert_int_equal(fchmod(fd, mode), 0);
}

static bool restore(struct queue_restore *r, const char *queue)
{
    const struct queue_journal_entry entry = {
        .queue = slice_of(queue), .id = slice_of(ID), .data = strbuf_slice(&message)};
    return queue_restore_entry(r, &entry);
}

/* There in this queue and in no other, complete, and with these bytes. */
static void assert_only_in(const char *queue, struct slice expected)
{
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_ANY;
    char bytes[1024];
    for (size_t i = 0; i < COUNT_OF(queues); i++) {
        queue_path(&path, queues[i], ID);
        CLEANUP(fd_done) int fd = open(path.s, O_RDONLY | O_CLOEXEC);
        assert_int_equal(fd >= 0, queue && strcmp(queue, queues[i]) == 0);
        if (fd < 0)
            continue;
        struct stat st;
        ssize_t n = read(fd, bytes, sizeof bytes);
        assert_true(slice_same((struct slice){bytes, (size_t)n}, expected));
        assert_true(fstat(fd, &st) == 0 && st.st_mode & S_IXUSR);
    }
}

static void missing(void **state)
{
    (void)state;
    struct queue_restore r = {0};
    assert_true(restore(&r, QUEUE_HOLD));
    assert_only_in(QUEUE_HOLD, strbuf_slice(&message));
    assert_int_equal(r.restored, 1);
    assert_true(restore(&r, QUEUE_HOLD)); /* once more, as after a death on the way */
    assert_int_equal(r.restored, 1);
    assert_int_equal(r.checked, 2);
}

static void missing_because_delivered(void **state)
{
    (void)state;
    struct queue_restore r = {.missing_is_gone = true};
    assert_true(restore(&r, QUEUE_INCOMING));
    assert_only_in(NULL, SLICE_EMPTY);
    assert_int_equal(r.restored, 0);
}

static void whole_in_another_queue(void **state)
{
    for (size_t i = 0; i < COUNT_OF(queues); i++) {
        struct queue_restore r = {0};
        teardown(state);
        setup(state);
        put(queues[i], strbuf_slice(&message), 0700);
        written = 0;
        assert_true(restore(&r, QUEUE_INCOMING));
        assert_int_equal(r.restored, 0);
        assert_int_equal(written, message.len); /* the disk may not have what memory has */
        assert_only_in(queues[i], strbuf_slice(&message));
    }
}

static void damaged(void **state)
{
    (void)state;
    size_t len = message.len;
    for (size_t kind = 0; kind < 6; kind++) {
        CLEANUP(strbuf_done) struct strbuf bytes = STRBUF_ANY;
        struct queue_restore r = {0}, live = {.is_live = true};
        mode_t mode = 0700;
        strbuf_add_slice(&bytes, strbuf_slice(&message));
        switch (kind) {
        case 0: /* never written */
            strbuf_reset(&bytes);
            break;
        case 1: /* the first half was */
            strbuf_truncate(&bytes, len / 2);
            mode = 0600;
            break;
        case 2: /* its length was, its blocks were not */
            memset(bytes.s, 0, len);
            break;
        case 3: /* text within a record */
            memset(bytes.s + len - 8, 0, 3);
            break;
        case 4: /* longer */
            strbuf_add_str(&bytes, "old");
            break;
        case 5: /* records of another message */
            strbuf_reset(&bytes);
            while (bytes.len + 12 <= len)
                record_add(&bytes, REC_DONE, slice_of("c@d.test.."));
            break;
        default:
            break;
        }
        put(QUEUE_ACTIVE, strbuf_slice(&bytes), mode);
        assert_false(restore(&live, QUEUE_INCOMING)); /* somebody may be at it */
        assert_non_null(strstr(live.err.reason, "active/" ID ": damaged"));
        assert_true(restore(&r, QUEUE_INCOMING));
        assert_int_equal(r.restored, 1);
        assert_only_in(QUEUE_ACTIVE, strbuf_slice(&message));
    }
}

static void deliveries_stay_done(void **state)
{
    (void)state;
    struct queue_restore r = {0};
    CLEANUP(strbuf_done) struct strbuf now = STRBUF_ANY;
    strbuf_add_slice(&now, strbuf_slice(&message));
    char *recipient = memmem(now.s, now.len, "e@f.test", 8);
    recipient[-2] = REC_DONE;
    now.s[10] = '-'; /* the delay warning was sent */
    put(QUEUE_DEFERRED, strbuf_slice(&now), 0700);
    assert_true(restore(&r, QUEUE_INCOMING));
    assert_int_equal(r.restored, 0);
    assert_only_in(QUEUE_DEFERRED, strbuf_slice(&now));
}

static void not_a_file(void **state)
{
    (void)state;
    struct queue_restore r = {0};
    assert_int_equal(symlink("/dev/null", QUEUE_INCOMING "/" ID), 0);
    assert_false(restore(&r, QUEUE_INCOMING));
    assert_non_null(strstr(r.err.reason, "incoming/" ID));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(missing, setup, teardown),
        cmocka_unit_test_setup_teardown(missing_because_delivered, setup, teardown),
        cmocka_unit_test_setup_teardown(whole_in_another_queue, setup, teardown),
        cmocka_unit_test_setup_teardown(damaged, setup, teardown),
        cmocka_unit_test_setup_teardown(deliveries_stay_done, setup, teardown),
        cmocka_unit_test_setup_teardown(not_a_file, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
