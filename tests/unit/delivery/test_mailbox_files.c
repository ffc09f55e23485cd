/* mbox and maildir: what is written, what is refused, and that failure leaves nothing behind. */
#include "unit/cm.h"

#include "base/strbuf.h"
#include "delivery/mailbox_maildir.h"
#include "delivery/mailbox_mbox.h"
#include "io/fd.h"
#include "mail/record.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[] = "/tmp/test_mailbox_files.XXXXXX";
static char path[128];
static struct mailbox_message message;

static void add_line(struct strbuf *b, const char *text)
{
    record_add(b, REC_LINE, slice_of(text));
}

static int set_up(void **unused)
{
    (void)unused;
    CLEANUP(strbuf_done) struct strbuf b = STRBUF_ANY;
    add_line(&b, "Subject: x");
    add_line(&b, "");
    add_line(&b, "From here");
    add_line(&b, ">From there");
    record_add(&b, REC_LINE_PART, slice_of("a "));
    record_add(&b, REC_LINE_PART, slice_of("From part"));
    record_add(&b, REC_EXTRACTED, SLICE_EMPTY);
    record_add(&b, REC_END, SLICE_EMPTY);
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof path, "%s/queue", dir);
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    unlink(path);
    snprintf(path, sizeof path, "%s/mbox", dir);
    message = (struct mailbox_message){.queue_fd = fd,
                                       .sender = "a b@example.com",
                                       .original_recipient = "you",
                                       .delivered_to = "you@here"};
    return fd_write_all(fd, b.s, b.len) ? 0 : -1;
}

static int tear_down(void **unused)
{
    (void)unused;
    close(message.queue_fd);
    return rmdir(dir);
}

static char *content(const char *name)
{
    static char text[4096];
    int fd = open(name, O_RDONLY);
    ssize_t n = read(fd, text, sizeof text - 1);
    text[n < 0 ? 0 : n] = '\0';
    close(fd);
    return text;
}

static struct mailbox_mbox mbox(void)
{
    return (struct mailbox_mbox){
        .path = path,
        .rights = {getuid(), getgid()},
        .must_be_owner = true,
        .lock = {.kinds = MAILBOX_LOCK_DOTLOCK | MAILBOX_LOCK_FCNTL, .attempts = 1},
        .default_dsn = "5.2.0",
    };
}

#define HEADERS "Return-Path: <\"a b\"@example.com>\nX-Original-To: you\nDelivered-To: you@here\n"

static void mbox_form(void **unused)
{
    (void)unused;
    struct mailbox_mbox m = mbox();
    struct mailbox_trouble t;
    assert_true(mailbox_mbox_deliver(&m, &message, &t));
    const char *text = content(path);
    assert_int_equal(strncmp(text, "From \"a b\"@example.com  ", 24), 0);
    assert_string_equal(strchr(text, '\n') + 1,
                        HEADERS "Subject: x\n\n>From here\n>From there\na From part\n\n");
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    unlink(path);
}

static void mbox_refuses(void **unused)
{
    (void)unused;
    struct mailbox_trouble t;
    char other[160];
    snprintf(other, sizeof other, "%s/other", dir);
    struct mailbox_mbox m = mbox();

    close(open(other, O_CREAT | O_WRONLY, 0600));
    assert_int_equal(symlink(other, path), 0);
    assert_int_equal(chmod(dir, 0777), 0); /* anybody may have made the link */
    assert_false(mailbox_mbox_deliver(&m, &message, &t));
    assert_string_equal(t.reason, "file is a symbolic link");
    assert_int_equal(chmod(dir, 0700), 0);
    if (geteuid() == 0) {
        assert_true(mailbox_mbox_deliver(&m, &message, &t)); /* only root may */
        assert_int_equal(truncate(other, 0), 0);
    }
    unlink(path);

    assert_int_equal(link(other, path), 0);
    assert_false(mailbox_mbox_deliver(&m, &message, &t));
    assert_string_equal(t.reason, "file has 2 hard links");
    assert_string_equal(content(other), "");
    unlink(path);
    unlink(other);

    assert_int_equal(mkfifo(path, 0600), 0); /* nobody reads it */
    assert_false(mailbox_mbox_deliver(&m, &message, &t));
    assert_string_equal(t.dsn, "5.2.0");
    m.default_dsn = "4.2.0";
    assert_false(mailbox_mbox_deliver(&m, &message, &t));
    assert_string_equal(t.dsn, "4.2.0");
    unlink(path);

    m.path = "/nonexistent/mbox";
    assert_false(mailbox_mbox_deliver(&m, &message, &t));
    assert_string_equal(t.reason, "cannot create file exclusively: No such file or directory");
    assert_string_equal(t.warning,
                        "unable to create lock file /nonexistent/mbox.lock: No such file or "
                        "directory");
}

/* Until something happens in DIR that WATCH tells of. */
static bool wait_for_change(int watch)
{
    enum { PATIENCE_MS = 60 * 1000 };
    char events[4096];
    struct pollfd one = {.fd = watch, .events = POLLIN};
    return poll(&one, 1, PATIENCE_MS) == 1 && read(watch, events, sizeof events) > 0;
}

/* What mutt and mailx do: lock PATH by fcntl, and with that in hand wait for PATH.lock. Here not
 * before the deliverer had that: one who waits for the other lock would have it for good. */
static int read_mail(int locked)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char name[160];
    snprintf(name, sizeof name, "%s.lock", path);
    int fd = open(path, O_RDWR | O_CREAT, 0600), watch = inotify_init1(IN_CLOEXEC);
    if (fcntl(fd, F_SETLK, &whole) < 0 || inotify_add_watch(watch, dir, IN_DELETE) < 0 ||
        write(locked, "x", 1) != 1)
        return 1;
    while (wait_for_change(watch))
        if (open(name, O_WRONLY | O_CREAT | O_EXCL, 0600) >= 0)
            return unlink(name) < 0;
    return 1;
}

/* Nothing can be done as the user: that is all there is to say. */
static void mbox_without_rights(void **unused)
{
    (void)unused;
    struct mailbox_trouble t = {.warning = "of an earlier mailbox"};
    struct mailbox_mbox m = mbox();
    m.rights.uid = (uid_t)-1;
    assert_false(mailbox_mbox_deliver(&m, &message, &t));
    assert_string_equal(t.dsn, "4.3.0");
    assert_string_equal(t.warning, "");
}

static void mbox_gives_way_to_readers(void **unused)
{
    (void)unused;
    struct mailbox_trouble t;
    struct mailbox_mbox m = mbox();
    int locked[2], status;
    char byte;
    m.lock.attempts = 2000;
    m.lock.delay_ms = 5;
    m.lock.stale_s = 1000;
    assert_int_equal(pipe(locked), 0);
    pid_t reader = fork();
    if (reader == 0)
        _exit(read_mail(locked[1]));
    assert_int_equal(read(locked[0], &byte, 1), 1);
    assert_true(mailbox_mbox_deliver(&m, &message, &t));
    assert_int_equal(waitpid(reader, &status, 0), reader);
    assert_int_equal(status, 0);
    assert_non_null(strstr(content(path), "\nSubject: x\n"));
    close(locked[0]);
    close(locked[1]);
    unlink(path);
}

/* Attempts end, whichever lock it is that another does not give back. */
static void mbox_waits_in_vain(void **unused)
{
    (void)unused;
    struct mailbox_trouble t;
    struct mailbox_mbox m = mbox();
    char name[160];
    snprintf(name, sizeof name, "%s.lock", path);
    m.lock = (struct mailbox_lock_policy){
        .kinds = MAILBOX_LOCK_DOTLOCK | MAILBOX_LOCK_FLOCK, .attempts = 3, .stale_s = 1000};

    int fd = open(path, O_RDWR | O_CREAT, 0600);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    assert_false(mailbox_mbox_deliver(&m, &message, &t));
    assert_string_equal(t.dsn, "4.2.0");
    assert_non_null(strstr(t.reason, "cannot lock file"));
    assert_int_not_equal(access(name, F_OK), 0);
    close(fd);

    close(open(name, O_WRONLY | O_CREAT, 0600));
    assert_false(mailbox_mbox_deliver(&m, &message, &t));
    assert_string_equal(t.dsn, "4.2.0");
    assert_non_null(strstr(t.reason, "unable to create lock file"));
    assert_int_equal(access(name, F_OK), 0);
    assert_string_equal(content(path), "");
    unlink(name);
    unlink(path);
}

static void make_directory_with_link(const char *name, mode_t mode, uid_t owner)
{
    char at[160], link[200], target[200];
    snprintf(at, sizeof at, "%s/%s", dir, name);
    snprintf(link, sizeof link, "%s/mbox", at);
    snprintf(target, sizeof target, "%s/target-of-%s", dir, name);
    assert_int_equal(mkdir(at, 0700), 0);
    assert_int_equal(symlink(target, link), 0);
    close(open(target, O_CREAT | O_WRONLY, 0600));
    assert_int_equal(chown(target, owner, owner), 0);
    assert_int_equal(lchown(link, owner, owner), 0);
    assert_int_equal(chmod(at, mode), 0);
    assert_int_equal(chown(at, owner, owner), 0);
}

static void remove_directory_with_link(const char *name)
{
    char at[160], link[200], target[200];
    snprintf(at, sizeof at, "%s/%s", dir, name);
    snprintf(link, sizeof link, "%s/mbox", at);
    snprintf(target, sizeof target, "%s/target-of-%s", dir, name);
    unlink(link);
    rmdir(at);
    unlink(target);
}

static pid_t exchange_forever(const char *one, const char *other)
{
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
            renameat2(AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE);
    }
    return pid;
}

/* Somebody exchanges the directory with root's link for his own, all the time: his link is never
 * followed; what it leads to has an owner that tells. */
static void mbox_follows_no_exchanged_link(void **unused)
{
    enum { TRIES = 3000 };
    (void)unused;
    struct mailbox_trouble t;
    struct mailbox_mbox m = mbox();
    char one[160], other[160], at[200];
    if (geteuid() != 0)
        skip(); /* only root has root's links */
    make_directory_with_link("roots", 0755, 0);
    make_directory_with_link("others", 0777, 65534);
    snprintf(one, sizeof one, "%s/roots", dir);
    snprintf(other, sizeof other, "%s/others", dir);
    snprintf(at, sizeof at, "%s/roots/mbox", dir);
    m.path = at;
    m.lock.kinds = MAILBOX_LOCK_FCNTL;
    m.size_limit = 1; /* nothing is written: thousands of syncs would take their time */
    pid_t pid = exchange_forever(one, other);
    int opened = 0, followed = 0;
    /* on a busy machine nothing may be exchanged for a while, and his is the one there */
    for (int i = 0; i < TRIES || (opened == 0 && i < 100 * TRIES); i++) {
        assert_false(mailbox_mbox_deliver(&m, &message, &t));
        opened += strcmp(t.reason, "error writing message: File too large") == 0;
        followed += strncmp(t.reason, "destination", 11) == 0;
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    assert_true(opened > 0);
    assert_int_equal(followed, 0);
    remove_directory_with_link("roots");
    remove_directory_with_link("others");
}

static void mbox_is_cut_back(void **unused)
{
    (void)unused;
    struct mailbox_trouble t;
    struct mailbox_mbox m = mbox();
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    assert_true(fd_write_all(fd, "old\n", 4));
    close(fd);
    m.size_limit = 20;
    assert_false(mailbox_mbox_deliver(&m, &message, &t));
    assert_string_equal(t.dsn, "5.2.2");
    assert_string_equal(t.reason, "error writing message: File too large");
    assert_string_equal(content(path), "old\n");
    struct mailbox_message bad = message;
    bad.data_offset = 1; /* no record begins there */
    m.size_limit = 0;
    assert_false(mailbox_mbox_deliver(&m, &bad, &t));
    assert_int_equal(t.dsn[0], '4');
    assert_string_equal(content(path), "old\n");
    unlink(path);
}

static int count_files(const char *sub, char *ret_name, size_t size)
{
    char name[160];
    snprintf(name, sizeof name, "%s/deep/md/%s", dir, sub);
    DIR *d = opendir(name);
    int count = 0;
    for (struct dirent *e; d && (e = readdir(d));)
        if (e->d_name[0] != '.' && ++count)
            snprintf(ret_name, size, "%s/%s", name, e->d_name);
    if (d)
        closedir(d);
    return count;
}

static void remove_maildir(void)
{
    static const char *const subs[] = {"deep/md/tmp", "deep/md/new", "deep/md/cur", "deep/md",
                                       "deep"};
    char name[512];
    for (size_t i = 0; i < COUNT_OF(subs); i++) {
        snprintf(name, sizeof name, "%s/%s", dir, subs[i]);
        assert_int_equal(rmdir(name), 0);
    }
}

static void maildir_form(void **unused)
{
    (void)unused;
    struct mailbox_trouble t;
    char where[160], name[512];
    snprintf(where, sizeof where, "%s/deep/md/", dir);
    struct mailbox_maildir m = {
        .path = where, .rights = {getuid(), getgid()}, .size_limit = 10, .default_dsn = "5.2.0"};
    assert_false(mailbox_maildir_deliver(&m, &message, &t));
    assert_string_equal(t.dsn, "5.2.2");
    assert_int_equal(count_files("tmp", name, sizeof name), 0);
    m.size_limit = 0;
    assert_true(mailbox_maildir_deliver(&m, &message, &t));
    assert_int_equal(count_files("tmp", name, sizeof name), 0);
    assert_int_equal(count_files("new", name, sizeof name), 1);
    assert_string_equal(content(name),
                        HEADERS "Subject: x\n\nFrom here\n>From there\na From part\n");
    unlink(name);
    remove_maildir();
}

/* In place of libc's: counts what is synced. */
static int files_synced, directories_synced;

int fsync(int fd)
{
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    *(S_ISDIR(st.st_mode) ? &directories_synced : &files_synced) += 1;
    return 0;
}

static void maildir_syncs(void **unused)
{
    (void)unused;
    static const struct {
        const char *name;
        bool is_elsewhere; /* the queue file is on another file system */
        int directories;
    } rows[] = {{"same file system", false, 0}, {"another file system", true, 1}};
    char where[160], name[512];
    snprintf(where, sizeof where, "%s/deep/md/", dir);
    const struct mailbox_maildir m = {
        .path = where, .rights = {getuid(), getgid()}, .default_dsn = "5.2.0"};
    int elsewhere = memfd_create("queue file", MFD_CLOEXEC);
    char text[4096];
    ssize_t n = pread(message.queue_fd, text, sizeof text, 0);
    assert_true(n > 0 && fd_write_all(elsewhere, text, (size_t)n));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct mailbox_message one = message;
        struct mailbox_trouble t;
        print_message("  row: %s\n", rows[i].name);
        if (rows[i].is_elsewhere)
            one.queue_fd = elsewhere;
        files_synced = directories_synced = 0;
        assert_true(mailbox_maildir_deliver(&m, &one, &t));
        assert_int_equal(files_synced, 1);
        assert_int_equal(directories_synced, rows[i].directories);
        assert_int_equal(count_files("new", name, sizeof name), 1);
        unlink(name);
    }
    close(elsewhere);
    remove_maildir();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mbox_form),           cmocka_unit_test(mbox_refuses),
        cmocka_unit_test(mbox_without_rights), cmocka_unit_test(mbox_gives_way_to_readers),
        cmocka_unit_test(mbox_waits_in_vain),  cmocka_unit_test(mbox_follows_no_exchanged_link),
        cmocka_unit_test(mbox_is_cut_back),    cmocka_unit_test(maildir_form),
        cmocka_unit_test(maildir_syncs),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
