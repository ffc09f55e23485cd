#include "unit/cm.h"

#include "delivery/mailbox_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void lock_kinds_are_parsed(void **unused)
{
    (void)unused;
    static const struct {
        const char *text;
        bool ok;
        unsigned kinds;
    } rows[] = {
        {"fcntl, dotlock", true, MAILBOX_LOCK_FCNTL | MAILBOX_LOCK_DOTLOCK},
        {"flock", true, MAILBOX_LOCK_FLOCK},
        {"DOTLOCK fcntl flock", true, 7},
        {"", true, 0},
        {"lockf", false, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct err err = ERR_INIT;
        unsigned kinds = 99;
        print_message("  row: %s\n", rows[i].text);
        assert_int_equal(mailbox_lock_parse(rows[i].text, &kinds, &err), rows[i].ok);
        assert_int_equal(kinds, rows[i].ok ? rows[i].kinds : 99);
    }
}

static void dotlock_excludes_and_ages(void **unused)
{
    (void)unused;
    char dir[] = "/tmp/test_mailbox_lock.XXXXXX", path[64], name[80];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/mbox", dir);
    snprintf(name, sizeof name, "%s.lock", path);
    struct mailbox_lock_policy policy = {.stale_s = 1000};
    assert_true(mailbox_lock_dot(path, &policy));
    assert_int_equal(access(name, F_OK), 0);
    assert_false(mailbox_lock_dot(path, &policy));
    assert_int_equal(errno, EEXIST);
    policy.stale_s = -2; /* the lock of just now is older than that */
    assert_true(mailbox_lock_dot(path, &policy));
    mailbox_lock_dot_remove(path);
    assert_int_not_equal(access(name, F_OK), 0);
    assert_int_equal(rmdir(dir), 0);
    assert_false(mailbox_lock_dot(path, &policy));
    assert_int_equal(errno, ENOENT);
}

static void file_lock_excludes(void **unused)
{
    (void)unused;
    char path[] = "/tmp/test_mailbox_lock.XXXXXX";
    int first = mkstemp(path), second = open(path, O_RDWR);
    struct mailbox_lock_policy policy = {.kinds = MAILBOX_LOCK_FLOCK};
    assert_true(mailbox_lock_file(first, &policy));
    assert_false(mailbox_lock_file(second, &policy));
    assert_int_equal(errno, EAGAIN);
    close(first);
    assert_true(mailbox_lock_file(second, &policy));
    close(second);
    unlink(path);
}

/* Can another process, such as a mail reader, lock PATH by fcntl(2) now? */
static bool other_process_can_lock(const char *path)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        int fd = open(path, O_RDWR | O_CLOEXEC);
        _exit(fd >= 0 && fcntl(fd, F_SETLK, &whole) == 0 ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status == 0;
}

static void fcntl_lock_excludes_other_processes(void **unused)
{
    (void)unused;
    char path[] = "/tmp/test_mailbox_lock.XXXXXX";
    int fd = mkstemp(path), held[2], end[2];
    assert_true(fd >= 0 && pipe(held) == 0 && pipe(end) == 0);
    struct mailbox_lock_policy policy = {.kinds = MAILBOX_LOCK_FCNTL};

    pid_t reader = fork();
    assert_true(reader >= 0);
    if (reader == 0) { /* holds the lock until END is closed */
        struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        char byte = 'x';
        close(end[1]);
        bool ok = fcntl(fd, F_SETLK, &whole) == 0 && write(held[1], &byte, 1) == 1;
        _exit(ok && read(end[0], &byte, 1) == 0 ? 0 : 1);
    }
    char byte;
    int status;
    assert_int_equal(read(held[0], &byte, 1), 1);
    assert_false(mailbox_lock_file(fd, &policy));
    close(end[1]);
    assert_int_equal(waitpid(reader, &status, 0), reader);
    assert_int_equal(status, 0);

    assert_true(other_process_can_lock(path));
    assert_true(mailbox_lock_file(fd, &policy));
    assert_false(other_process_can_lock(path));
    close(fd);
    assert_true(other_process_can_lock(path));
    close(held[0]);
    close(held[1]);
    close(end[0]);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lock_kinds_are_parsed),
        cmocka_unit_test(dotlock_excludes_and_ages),
        cmocka_unit_test(file_lock_excludes),
        cmocka_unit_test(fcntl_lock_excludes_other_processes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
