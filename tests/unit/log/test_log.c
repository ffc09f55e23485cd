#include "unit/cm.h"

#include "base/clock.h"
#include "base/strbuf.h"
#include "log/log.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static char dir[] = "/tmp/test_log.XXXXXX";

static const char *in_dir(const char *name)
{
    static char path[4][128];
    static unsigned next;
    char *out = path[next++ % COUNT_OF(path)];
    snprintf(out, sizeof path[0], "%s/%s", dir, name);
    return out;
}

static void read_all(const char *path, struct strbuf *out)
{
    char data[4096];
    int fd = open(path, O_RDONLY);
    ssize_t n;
    strbuf_reset(out);
    while (fd >= 0 && (n = read(fd, data, sizeof data)) > 0)
        strbuf_add(out, data, (size_t)n);
    if (fd >= 0)
        close(fd);
}

static int serve(const char *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    snprintf(addr.sun_path, sizeof addr.sun_path, "%s", path);
    unlink(path);
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    return fd;
}

static void file_lines_have_the_usual_form(void **unused)
{
    (void)unused;
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    struct log_tag tag = {.queue_id = "ABC123"};
    mode_t old = umask(077);
    log_init(&(struct log_options){.tag = "postfix/test",
                                   .file_path = in_dir("plain"),
                                   .file_mode = 0644,
                                   .hostname = "host.example"});
    log_warn(&tag, "odd\nbyte %d", 7);
    umask(old);
    read_all(in_dir("plain"), &text);
    struct stat st;
    assert_int_equal(stat(in_dir("plain"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0644);
    const char *rest = strstr(text.s, " host postfix/test[");
    assert_non_null(rest);
    assert_int_equal(rest - text.s, strlen("Nov 21 21:07:13"));
    assert_non_null(strstr(rest, "]: warning: ABC123: odd?byte 7\n"));
}

static void socket_first_then_the_file(void **unused)
{
    (void)unused;
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    char data[1000];
    int fd = serve(in_dir("socket"));
    log_init(&(struct log_options){.tag = "postfix/test",
                                   .postlog_path = in_dir("socket"),
                                   .file_path = in_dir("fallback"),
                                   .hostname = "h"});
    log_info(NULL, "to the socket");
    ssize_t n = recv(fd, data, sizeof data, MSG_DONTWAIT);
    assert_true(n > 0 && memmem(data, (size_t)n, "to the socket\n", 14));
    read_all(in_dir("fallback"), &text);
    assert_int_equal(text.len, 0);

    close(fd);
    log_info(NULL, "to the file");
    read_all(in_dir("fallback"), &text);
    assert_non_null(strstr(text.s, "to the file\n"));

    fd = serve(in_dir("socket")); /* back again */
    log_info(NULL, "once more");
    n = recv(fd, data, sizeof data, MSG_DONTWAIT);
    assert_true(n > 0 && memmem(data, (size_t)n, "once more\n", 10));
    close(fd);
}

static int late_lines;

/* Counts the lines before "the last", with a pause at each tenth. */
static void *read_late(void *fd)
{
    char data[4096];
    ssize_t n;
    while ((n = recv(*(int *)fd, data, sizeof data, 0)) > 0 &&
           !memmem(data, (size_t)n, "the last", 8))
        if (++late_lines % 10 == 0)
            usleep(10000);
    return NULL;
}

static void a_server_that_does_not_read_stops_nobody(void **unused)
{
    (void)unused;
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    int fd = serve(in_dir("stuck"));
    log_init(&(struct log_options){.tag = "postfix/test",
                                   .postlog_path = in_dir("stuck"),
                                   .file_path = in_dir("overflow"),
                                   .hostname = "h"});
    int64_t start = clock_now_ms();
    for (int i = 0; i < 5000; i++)
        log_info(NULL, "line %d", i);
    assert_true(clock_now_ms() - start < 60000); /* not a second for each */
    read_all(in_dir("overflow"), &text);
    assert_non_null(strstr(text.s, "line 4999\n"));

    /* once it reads, though late, it gets every line */
    enum { LATE = 200 };
    pthread_t reader;
    char data[4096];
    struct timeval patience = {.tv_sec = 60};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    while (recv(fd, data, sizeof data, MSG_DONTWAIT) > 0)
        ;
    assert_int_equal(pthread_create(&reader, NULL, read_late, &fd), 0);
    for (int i = 0; i < LATE; i++)
        log_info(NULL, "late %d", i);
    log_info(NULL, "the last");
    pthread_join(reader, NULL);
    assert_int_equal(late_lines, LATE);
    close(fd);
}

static void batches_leave_together(void **unused)
{
    (void)unused;
    char data[1000];
    int fd = serve(in_dir("batch"));
    log_init(&(struct log_options){
        .tag = "postfix/test", .postlog_path = in_dir("batch"), .hostname = "h"});
    log_batch(true);
    log_info(NULL, "one");
    log_info(NULL, "two");
    assert_int_equal(recv(fd, data, sizeof data, MSG_DONTWAIT), -1);
    log_flush();
    ssize_t n = recv(fd, data, sizeof data, MSG_DONTWAIT);
    assert_true(n > 0 && memmem(data, (size_t)n, "one\n", 4) &&
                memmem(data, (size_t)n, "two\n", 4));
    log_batch(false);
    close(fd);
}

static int make_dir(void **unused)
{
    (void)unused;
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **unused)
{
    (void)unused;
    static const char *const names[] = {"plain", "socket",   "fallback",
                                        "stuck", "overflow", "batch"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        unlink(in_dir(names[i]));
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(file_lines_have_the_usual_form),
        cmocka_unit_test(socket_first_then_the_file),
        cmocka_unit_test(a_server_that_does_not_read_stops_nobody),
        cmocka_unit_test(batches_leave_together),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
