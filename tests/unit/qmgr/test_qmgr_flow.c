/*
 * qmgr, error, retry and discard as processes, this test in the place of master, bounce and
 * postlogd: messages from incoming to their end, over the real sockets and files.
 */
#include "unit/cm.h"

#include "base/clock.h"
#include "config/common_params.h"
#include "delivery/delivery_internal.h"
#include "io/fd.h"
#include "io/sock.h"
#include "mail/qmgr_msg.h"
#include "mail/queue_file.h"
#include "mail/queue_id.h"
#include "mail/record.h"
#include "service/master_proto.h"

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WAIT_MS = 100 * 1000 };

static char dir[] = "/tmp/mta-flow-XXXXXX", bin[PATH_MAX];
static struct loop *loop;
static struct config *cfg;
static struct strbuf seen = STRBUF_ANY; /* log lines and what the bounce services were asked */
static bool bounce_works = true;
static int log_fd;

static struct daemon {
    const char *program, *instance, *socket;
    pid_t pid;
    int listener, status;
} daemons[] = {
    {"error", "error", "private/error", 0, -1, -1},
    {"error", "retry", "private/retry", 0, -1, -1},
    {"discard", "discard", "private/discard", 0, -1, -1},
    {"qmgr", "qmgr", "public/qmgr", 0, -1, -1},
};

static void write_file(const char *name, const char *text, mode_t mode)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0 && fd_write_all(fd, text, strlen(text)) && fchmod(fd, mode) == 0);
    close(fd);
}

/* The fake bounce, defer and trace */

static void fake_on_message(void *owner, struct chan *chan, uint16_t kind, struct slice body)
{
    CLEANUP(arena_free_ptr) struct arena *arena = arena_new("test");
    struct err err = ERR_INIT;
    struct bounce_append append;
    struct bounce_flush flush;
    const char *name = owner;
    if (kind == BOUNCE_APPEND) {
        assert_true(msg_decode(&bounce_append_type, body, arena, &append, &err));
        strbuf_addf(&seen, "%s append %s %s %s %s (%s)\n", name, append.queue_id,
                    append.recipients[0].address, append.statuses[0].dsn, append.statuses[0].action,
                    append.statuses[0].reason);
    } else {
        assert_true(msg_decode(&bounce_flush_type, body, arena, &flush, &err));
        strbuf_addf(&seen, "%s %s %s <%s>\n", name, kind == BOUNCE_FLUSH ? "flush" : "warn",
                    flush.queue_id, flush.sender);
    }
    struct bounce_status status = {.ok = bounce_works, .reason = "not today"};
    chan_send(chan, BOUNCE_STATUS, &bounce_status_type, &status);
}

static void fake_on_closed(void *owner, struct chan *chan, const struct err *err)
{
    (void)owner;
    (void)err;
    chan_free(chan);
}

static const struct chan_events fake_events = {fake_on_message, fake_on_closed, NULL};
static struct {
    const char *name;
    int fd;
} fakes[] = {{"bounce", -1}, {"defer", -1}, {"trace", -1}};

static void fake_on_connect(void *owner, unsigned events)
{
    (void)events;
    size_t i = (size_t)(uintptr_t)owner;
    int fd = accept4(fakes[i].fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0)
        chan_new(loop, fd, &fake_events, (void *)(uintptr_t)fakes[i].name);
}

static void on_log(void *owner, unsigned events)
{
    (void)owner;
    (void)events;
    char text[64 * 1024];
    ssize_t n;
    /* all that is there: who finds no room for a line in time drops it */
    while ((n = recv(log_fd, text, sizeof text, MSG_DONTWAIT)) > 0) {
        strbuf_add(&seen, text, (size_t)n);
        if (text[n - 1] != '\n')
            strbuf_add_char(&seen, '\n');
    }
}

static void wait_for(const char *text)
{
    int64_t end = clock_now_ms() + WAIT_MS;
    while (!strstr(seen.s, text)) {
        if (clock_now_ms() > end) {
            print_error("seen:\n%s", seen.s);
            fail_msg("\"%s\" did not come", text);
        }
        loop_run_once(loop, false);
        usleep(1000);
    }
}

/* The daemons */

static void daemon_start(struct daemon *d)
{
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    d->status = pair[0];
    char path[PATH_MAX + 20];
    snprintf(path, sizeof path, "%s/%s", bin, d->program);
    d->pid = fork();
    if (d->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        int listener = fcntl(d->listener, F_DUPFD, 20), status = fcntl(pair[1], F_DUPFD, 20);
        dup2(status, MASTER_FD_STATUS);
        dup2(open("/dev/null", O_RDWR), MASTER_FD_RESERVED);
        dup2(listener, MASTER_FD_LISTEN);
        execl(path, d->program, "-n", d->instance, "-t", "unix", "-s", "1", "-m",
              strcmp(d->program, "qmgr") == 0 ? "1" : "10", (char *)NULL);
        _exit(99);
    }
    close(pair[1]);
}

static void daemon_stop(struct daemon *d, int signal_number)
{
    kill(d->pid, signal_number);
    close(d->status);
    waitpid(d->pid, NULL, 0);
}

static struct daemon *daemon_find(const char *instance)
{
    for (size_t i = 0; i < COUNT_OF(daemons); i++)
        if (strcmp(daemons[i].instance, instance) == 0)
            return &daemons[i];
    return NULL;
}

/* Messages */

static void put_message(const char *queue, const char *id, const char *sender,
                        const char *const *recipients, int64_t age_s)
{
    CLEANUP(strbuf_done) struct strbuf b = STRBUF_ANY, path = STRBUF_ANY;
    struct timeval now;
    clock_wall(&now);
    size_t count = 0;
    for (int round = 0; round < 2; round++) { /* the size record needs the offset of the content */
        size_t content = b.len;
        strbuf_reset(&b);
        record_addf(&b, REC_SIZE, "%15d %15zu %15zu %15d %15d %15d", 3, content, count, 0, 3, 0);
        record_addf(&b, REC_TIME, "%lld 0", (long long)(now.tv_sec - age_s));
        record_add_attribute(&b, "rewrite_context", "local");
        record_add(&b, REC_SENDER, slice_of(sender));
        for (count = 0; recipients[count]; count++)
            record_add(&b, REC_RECIPIENT, slice_of(recipients[count]));
        record_add(&b, REC_MESSAGE, SLICE_EMPTY);
    }
    record_add(&b, REC_LINE, slice_of("hi"));
    record_add(&b, REC_EXTRACTED, SLICE_EMPTY);
    record_add(&b, REC_END, SLICE_EMPTY);
    queue_path(&path, queue, id);
    assert_true(queue_path_make_dirs(path.s));
    int fd = open(path.s, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0 && fd_write_all(fd, b.s, b.len) && fchmod(fd, 0700) == 0);
    close(fd);
}

static bool is_in(const char *queue, const char *id)
{
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_ANY;
    queue_path(&path, queue, id);
    return access(path.s, F_OK) == 0;
}

static void wait_until_in(const char *queue, const char *id)
{
    int64_t end = clock_now_ms() + WAIT_MS;
    while (!is_in(queue, id)) {
        if (clock_now_ms() > end)
            fail_msg("%s did not come to %s; seen:\n%s", id, queue, seen.s);
        loop_run_once(loop, false);
        usleep(1000);
    }
}

static void trigger(const char *letters)
{
    struct err err = ERR_INIT;
    int fd = sock_connect_unix("public/qmgr", 1000, &err);
    assert_true(fd >= 0 && fd_write_all(fd, letters, strlen(letters)));
    close(fd);
}

static void notify(const char *id)
{
    CLEANUP(arena_free_ptr) struct arena *arena = arena_new("test");
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_ANY;
    struct err err = ERR_INIT;
    struct envelope env;
    struct envelope_read how = {0, 0, 0};
    queue_path(&path, QUEUE_INCOMING, id);
    int file = open(path.s, O_RDWR);
    assert_true(queue_file_read_envelope(file, arena, &how, &env, &err));
    close(file);
    struct qmgr_arrived arrived = {id, 1, &env, 1};
    int fd = sock_connect_unix("public/qmgr", 1000, &err);
    assert_true(chan_send_blocking(fd, QMGR_ARRIVED, &qmgr_arrived_type, &arrived, 1000, &err));
    close(fd);
}

#define TO(...) ((const char *const[]){__VA_ARGS__, NULL})

static void arrival_is_delivered_and_removed(void **unused)
{
    (void)unused;
    put_message("incoming", "AAAAA1", "s@x.test", TO("u@d.test", "v@d.test"), 0);
    notify("AAAAA1");
    wait_for("AAAAA1: removed");
    assert_non_null(strstr(seen.s, "AAAAA1: from=<s@x.test>, size=3, nrcpt=2 (queue active)"));
    wait_for("AAAAA1: to=<u@d.test>, relay=none, "); /* lines of two processes: any order */
    assert_non_null(strstr(seen.s, "dsn=2.0.0, status=sent (gone)"));
    assert_null(strstr(seen.s, "append AAAAA1"));
    assert_false(is_in("active", "AAAAA1"));
}

static void bounce_is_reported_before_removal(void **unused)
{
    (void)unused;
    put_message("incoming", "AAAAA2", "s@x.test", TO("u@e.test", "v@d.test"), 0);
    trigger("I");
    wait_for("AAAAA2: removed");
    assert_non_null(strstr(seen.s, "bounce append AAAAA2 u@e.test 5.1.1 failed (no such)"));
    assert_non_null(strstr(seen.s, "dsn=5.1.1, status=bounced (no such)"));
    assert_non_null(strstr(seen.s, "bounce flush AAAAA2 <s@x.test>"));
}

static void deferred_waits_for_its_time(void **unused)
{
    (void)unused;
    put_message("incoming", "AAAAA3", "s@x.test", TO("u@r.test", "v@d.test"), 0);
    notify("AAAAA3");
    wait_for("defer append AAAAA3 u@r.test 4.2.2 delayed (later)");
    wait_until_in("deferred", "AAAAA3");
    struct stat st;
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_ANY;
    queue_path(&path, QUEUE_DEFERRED, "AAAAA3");
    assert_int_equal(stat(path.s, &st), 0);
    assert_true(st.st_mtime >= time(NULL) + 290 && st.st_mtime <= time(NULL) + 310);
    /* the delivered recipient is marked, so a flush tries only the other one */
    strbuf_reset(&seen);
    trigger("AFD");
    wait_for("defer append AAAAA3 u@r.test");
    wait_until_in("deferred", "AAAAA3");
    assert_null(strstr(seen.s, "v@d.test"));
}

static void missing_transport_defers(void **unused)
{
    (void)unused;
    put_message("incoming", "AAAAA4", "s@x.test", TO("u@n.test"), 0);
    notify("AAAAA4");
    wait_for("defer append AAAAA4 u@n.test 4.3.0 delayed (mail transport unavailable)");
    wait_for("connect to transport private/nosuch: No such file"); /* logged by another way */
    wait_until_in("deferred", "AAAAA4");
}

static void old_message_expires(void **unused)
{
    (void)unused;
    put_message("deferred", "AAAAA5", "s@x.test", TO("u@r.test"), 6 * 86400);
    trigger("AD");
    wait_for("AAAAA5: removed");
    assert_non_null(strstr(seen.s, "AAAAA5: from=<s@x.test>, status=expired, returned to sender"));
    assert_non_null(strstr(seen.s, "defer flush AAAAA5 <s@x.test>"));
}

static void failing_bounce_service_keeps_the_message(void **unused)
{
    (void)unused;
    bounce_works = false;
    put_message("incoming", "AAAAA6", "s@x.test", TO("u@e.test"), 0);
    notify("AAAAA6");
    wait_for("AAAAA6: defer service failure: not today");
    wait_until_in("deferred", "AAAAA6");
    bounce_works = true;
    assert_non_null(strstr(seen.s, "status=deferred (bounce or trace service failure)"));
    trigger("AFD");
    wait_for("AAAAA6: removed");
}

static void unfinished_and_corrupt_files(void **unused)
{
    (void)unused;
    write_file("incoming/AAAAA7", "C", 0600); /* still being written */
    write_file("incoming/AAAAA8", "no records", 0700);
    write_file("incoming/AAAAA9", "refused", 0400);
    put_message("incoming", "AAAAAA", "s@x.test", TO("u@d.test"), 0);
    trigger("I");
    wait_for("AAAAAA: removed");
    wait_until_in("corrupt", "AAAAA8");
    wait_until_in("corrupt", "AAAAA9");
    assert_true(is_in("incoming", "AAAAA7"));
    unlink("incoming/AAAAA7");
}

/* A kill in the middle: what was active is delivered by the successor; what is locked waits. */
static void successor_takes_over(void **unused)
{
    (void)unused;
    struct daemon *qmgr = daemon_find("qmgr");
    daemon_stop(qmgr, SIGKILL);
    put_message("active", "AAAAAB", "s@x.test", TO("u@d.test"), 0);
    put_message("active", "AAAAAC", "s@x.test", TO("u@d.test"), 0);
    int fd = open("active/AAAAAC", O_RDWR | O_CLOEXEC);
    assert_true(fd_lock(fd, false, false)); /* a delivery program at work */
    daemon_start(qmgr);
    wait_for("AAAAAB: removed");
    wait_for("AAAAAC: skipped, still being delivered");
    wait_until_in("incoming", "AAAAAC");
    close(fd);
    trigger("I");
    wait_for("AAAAAC: removed");
}

static void status_filter_turns_a_bounce_into_a_delay(void **unused)
{
    (void)unused;
    put_message("incoming", "AAAAAF", "s@x.test", TO("u@f.test"), 0);
    notify("AAAAAF");
    wait_for("defer append AAAAAF u@f.test 4.9.9 delayed (edited)");
    wait_until_in("deferred", "AAAAAF");
}

/* The delivery process goes while its connection is kept: the next order goes to a new one. */
static void retired_program_costs_nothing(void **unused)
{
    (void)unused;
    struct daemon *discard = daemon_find("discard");
    put_message("incoming", "AAAAAD", "s@x.test", TO("u@d.test"), 0);
    notify("AAAAAD");
    wait_for("AAAAAD: removed");
    daemon_stop(discard, SIGTERM);
    daemon_start(discard);
    put_message("incoming", "AAAAAE", "s@x.test", TO("u@d.test"), 0);
    notify("AAAAAE");
    wait_for("AAAAAE: removed");
}

/* qmgr and discard killed again and again under load: every message is delivered, none stays. */
static int count_seen(const char *text)
{
    int count = 0;
    for (const char *at = seen.s; (at = strstr(at, text)); at++)
        count++;
    return count;
}

static void kills_lose_nothing(void **unused)
{
    (void)unused;
    enum { MESSAGES = 2000, KILLS = 9, RUN_MS = 100 };
    char id[20];
    for (int i = 0; i < MESSAGES; i++) {
        snprintf(id, sizeof id, "BBBB%03d", i);
        put_message("incoming", id, "s@x.test", TO("u@d.test"), 0);
    }
    strbuf_reset(&seen);
    trigger("I");
    for (int kill_number = 0; kill_number < KILLS; kill_number++) {
        int64_t end = clock_now_ms() + RUN_MS;
        while (clock_now_ms() < end)
            loop_run_once(loop, false);
        struct daemon *victim = daemon_find(kill_number % 3 == 2 ? "discard" : "qmgr");
        daemon_stop(victim, SIGKILL);
        daemon_start(victim);
    }
    int64_t end = clock_now_ms() + WAIT_MS;
    for (int i = 0; i < MESSAGES; i++) {
        snprintf(id, sizeof id, "BBBB%03d", i);
        while (is_in("incoming", id) || is_in("active", id) || is_in("deferred", id)) {
            if (clock_now_ms() > end)
                fail_msg("%s is still there", id);
            if (is_in("deferred", id)) /* its delivery process was killed */
                trigger("AFD");
            loop_run_once(loop, false);
            usleep(1000);
        }
    }
    /* One who is killed between marking a recipient and logging it takes that line with it. */
    while (count_seen(": to=<u@d.test>") < MESSAGES - KILLS / 3) {
        if (clock_now_ms() > end)
            fail_msg("%d messages were logged as delivered", count_seen(": to=<u@d.test>"));
        loop_run_once(loop, false);
        usleep(1000);
    }
}

static int setup(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT;
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    ssize_t n = readlink("/proc/self/exe", bin, sizeof bin - 1);
    assert_true(n > 0);
    *strrchr(bin, '/') = '\0'; /* BUILD/tests */
    *strrchr(bin, '/') = '\0';
    memcpy(bin + strlen(bin), "/bin", sizeof "/bin");
    assert_non_null(mkdtemp(dir));
    assert_int_equal(chdir(dir), 0);
    setenv("MAIL_CONFIG", dir, 1);
    static const char *const dirs[] = {"incoming", "active", "deferred", "corrupt", "bounce",
                                       "defer",    "trace",  "private",  "public",  "data"};
    for (size_t i = 0; i < COUNT_OF(dirs); i++)
        assert_int_equal(mkdir(dirs[i], 0700), 0);
    strbuf_addf(&text,
                "queue_directory = %s\ndata_directory = %s/data\nmyhostname = here.test\n"
                "mydestination = here.test\ninet_interfaces = 127.0.0.1\n"
                "compatibility_level = 3.6\nmaillog_file = %s/log\nmaillog_file_prefixes = %s\n"
                "alias_maps =\nlocal_recipient_maps =\n"
                "transport_maps = inline:{ {d.test=discard:gone}, {e.test=error:5.1.1 no such}, "
                "{r.test=retry:4.2.2 later}, {n.test=nosuch:x}, {f.test=error:edit me} }\n"
                "default_delivery_status_filter = inline:{ {5.0.0 edit me=4.9.9 edited} }\n",
                dir, dir, dir, dir);
    write_file("main.cf", text.s, 0644);
    write_file("master.cf", "discard unix - - n - 10 discard\n", 0644);
    loop = loop_new();
    cfg = config_new(dir);
    if (!config_load(cfg, &err) || !common_params_load(cfg, &err))
        fail_msg("%s", err.reason);
    log_fd = sock_listen_unix("public/postlog", SOCK_DGRAM, 0666, &err);
    assert_true(log_fd >= 0);
    watch_new(loop, log_fd, WATCH_READ, on_log, NULL);
    for (size_t i = 0; i < COUNT_OF(fakes); i++) {
        CLEANUP(strbuf_done) struct strbuf path = STRBUF_ANY;
        strbuf_addf(&path, "private/%s", fakes[i].name);
        fakes[i].fd = sock_listen_unix(path.s, SOCK_STREAM, 0666, &err);
        assert_true(fakes[i].fd >= 0);
        watch_new(loop, fakes[i].fd, WATCH_READ, fake_on_connect, (void *)(uintptr_t)i);
    }
    for (size_t i = 0; i < COUNT_OF(daemons); i++) {
        daemons[i].listener = sock_listen_unix(daemons[i].socket, SOCK_STREAM, 0666, &err);
        assert_true(daemons[i].listener >= 0);
        fd_set_nonblocking(daemons[i].listener, true);
        daemon_start(&daemons[i]);
    }
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static int teardown(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < COUNT_OF(daemons); i++)
        daemon_stop(&daemons[i], SIGKILL);
    return nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arrival_is_delivered_and_removed),
        cmocka_unit_test(bounce_is_reported_before_removal),
        cmocka_unit_test(deferred_waits_for_its_time),
        cmocka_unit_test(missing_transport_defers),
        cmocka_unit_test(old_message_expires),
        cmocka_unit_test(failing_bounce_service_keeps_the_message),
        cmocka_unit_test(unfinished_and_corrupt_files),
        cmocka_unit_test(successor_takes_over),
        cmocka_unit_test(status_filter_turns_a_bounce_into_a_delay),
        cmocka_unit_test(retired_program_costs_nothing),
        cmocka_unit_test(kills_lose_nothing),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
