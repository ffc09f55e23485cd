#include "cleanup/cleanup_sync.h"

#include "base/clock.h"
#include "base/num.h"
#include "base/slice.h"
#include "base/xmem.h"
#include "cleanup/cleanup_params.h"
#include "io/fd.h"
#include "io/work.h"
#include "log/log.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

enum {
    /* A thread sleeps while the disk works, and flushes that wait for the disk at the same time
     * become one. With more than this the file system's locks cost more than that saves. */
    THREADS = 16,
    TOGETHER_MIN = 8, /* files that are worth a syncfs() */
    TOGETHER_MAX = 2, /* calls at a time: one writes while the other waits for the flush */
    /* fsync()s at a time while files may be synced together: the others gather meanwhile */
    SINGLES_BESIDE = 2,
    /* Changed data in memory that a syncfs() may have to write: some tens of milliseconds. */
    DIRTY_KB_MAX = 16 * 1024,
    DIRTY_LOOK_MS = 20,
};

struct sync_file {
    int fd;
    int error;
    void (*done)(void *owner, int error);
    void *owner;
    struct sync_file *next;
};

static struct {
    struct work_pool *pool;
    bool may_gather;        /* files may be synced together */
    atomic_bool has_failed; /* a syncfs(): not any more */
    int meminfo;            /* -1: the amount of changed data does not matter */
    int64_t looked_ms;
    bool is_little; /* data that other programs have changed */
    struct sync_file *waiting, **last;
    size_t waiting_count, singles;
    size_t together; /* syncfs() calls under way */
} sync_state = {.meminfo = -1, .last = &sync_state.waiting};

/* Since Linux 5.8 syncfs() tells of failed writes. */
static bool kernel_reports_errors(void)
{
    struct utsname name;
    struct slice rest, major, minor;
    int64_t a, b;
    if (uname(&name) < 0)
        return false;
    rest = slice_of(name.release);
    return slice_next_token(&rest, ".-+", &major) && slice_next_token(&rest, ".-+", &minor) &&
           num_parse_i64(major, &a) && num_parse_i64(minor, &b) && (a > 5 || (a == 5 && b >= 8));
}

void cleanup_sync_prepare(void)
{
    const char *choice = cleanup_params.queue_sync_together;
    struct statfs fs;
    bool is_auto = strcmp(choice, "auto") == 0;
    if (strcmp(choice, "no") == 0)
        return;
    if (!is_auto && strcmp(choice, "yes") != 0)
        log_fatal("bad value for queue_sync_together: \"%s\"; specify auto, yes or no", choice);
    if (!kernel_reports_errors() || statfs(".", &fs) < 0)
        return;
    if (is_auto) {
        sync_state.meminfo = open("/proc/meminfo", O_RDONLY | O_CLOEXEC);
        if (fs.f_type != EXT4_SUPER_MAGIC || sync_state.meminfo < 0)
            return;
    }
    sync_state.may_gather = true;
}

void cleanup_sync_start(struct loop *loop)
{
    sync_state.pool = work_pool_new(loop, THREADS);
}

void cleanup_sync_stop(void)
{
    work_pool_free(sync_state.pool);
    fd_done(&sync_state.meminfo);
    sync_state.pool = NULL;
}

/* In /proc/meminfo: "Dirty:     1234 kB". */
static bool parse_dirty(struct slice text, int64_t *ret_kb)
{
    struct slice line, word;
    while (slice_next_line(&text, &line))
        if (slice_starts(line, "Dirty:"))
            return slice_next_token(&line, SLICE_SPACE, &word) &&
                   slice_next_token(&line, SLICE_SPACE, &word) && num_parse_i64(word, ret_kb);
    return false;
}

static bool little_is_dirty(void)
{
    char text[4096];
    int64_t kb;
    int64_t now = clock_now_ms();
    if (sync_state.meminfo < 0)
        return true;
    if (sync_state.looked_ms == 0 || now - sync_state.looked_ms >= DIRTY_LOOK_MS) {
        ssize_t n = pread(sync_state.meminfo, text, sizeof text, 0);
        sync_state.looked_ms = now;
        sync_state.is_little =
            n > 0 && parse_dirty((struct slice){text, (size_t)n}, &kb) && kb <= DIRTY_KB_MAX;
    }
    return sync_state.is_little;
}

/* In a thread: one file. */
static void single_run(void *arg)
{
    struct sync_file *file = arg;
    while (fsync(file->fd) < 0) {
        if (errno == EINTR)
            continue;
        file->error = errno;
        break;
    }
    /* The last error of a network file system may come only now. */
    if (close(file->fd) < 0 && !file->error && errno != EINTR)
        file->error = errno;
}

/* In a thread: a list of files. The kernel tells of a failed write once for each open file: by a
 * descriptor of the batch's own, so that no other batch takes the news away, and a failure of a
 * file's data also by its own descriptor, whichever call wrote it. When something on the file
 * system could not be written, each file is synced by itself, in this batch and in all that follow.
 */
static void together_run(void *arg)
{
    struct sync_file *files = arg;
    if (syncfs(files->fd) < 0)
        atomic_store(&sync_state.has_failed, true);
    bool is_done = !atomic_load(&sync_state.has_failed);
    for (struct sync_file *file = files; file; file = file->next) {
        if (!is_done) {
            single_run(file);
            continue;
        }
        if (sync_file_range(file->fd, 0, 0, SYNC_FILE_RANGE_WAIT_BEFORE) < 0)
            file->error = errno;
        if (close(file->fd) < 0 && !file->error && errno != EINTR)
            file->error = errno;
    }
}

static void start_waiting(void);

static void report(struct sync_file *file)
{
    void (*done)(void *, int) = file->done;
    void *owner = file->owner;
    int error = file->error;
    free(file);
    done(owner, error);
}

static void single_done(void *arg)
{
    sync_state.singles--;
    start_waiting();
    report(arg);
}

static void together_done(void *arg)
{
    sync_state.together--;
    start_waiting();
    for (struct sync_file *file = arg, *next; file; file = next) {
        next = file->next;
        report(file);
    }
}

static void start_together(void)
{
    struct sync_file *files = sync_state.waiting;
    sync_state.waiting = NULL;
    sync_state.last = &sync_state.waiting;
    sync_state.waiting_count = 0;
    sync_state.together++;
    work_submit(sync_state.pool, together_run, together_done, files);
}

static void start_single(void)
{
    struct sync_file *file = sync_state.waiting;
    sync_state.waiting = file->next;
    if (!file->next)
        sync_state.last = &sync_state.waiting;
    sync_state.waiting_count--;
    sync_state.singles++;
    work_submit(sync_state.pool, single_run, single_done, file);
}

/* The first few go at once, so that one message does not wait for others; who comes while the disk
 * is at work waits until it is done, and then goes with all who came meanwhile. */
static void start_waiting(void)
{
    bool may_gather =
        sync_state.may_gather && !atomic_load(&sync_state.has_failed) && little_is_dirty();
    size_t singles_max = may_gather ? SINGLES_BESIDE : THREADS;
    if (may_gather && sync_state.waiting_count >= TOGETHER_MIN &&
        sync_state.together < TOGETHER_MAX)
        start_together();
    while (sync_state.waiting && !sync_state.together && sync_state.singles < singles_max)
        start_single();
}

void cleanup_sync(int fd, void (*done)(void *owner, int error), void *owner)
{
    struct sync_file *file = xzalloc(sizeof *file);
    *file = (struct sync_file){.fd = fd, .done = done, .owner = owner};
    *sync_state.last = file;
    sync_state.last = &file->next;
    sync_state.waiting_count++;
    start_waiting();
}
