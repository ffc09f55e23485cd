/*
 * Work on the queue directories, a little in each turn of the loop: the scan of incoming (at start,
 * on request, now and then for lost notices) and the deferred queue. One message is taken from each
 * in turn, so that neither holds up the other.
 */
#include "base/clock.h"
#include "base/xmem.h"
#include "config/common_params.h"
#include "mail/queue_id.h"
#include "qmgr/qmgr.h"
#include "qmgr/qmgr_walk.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* Steps in one turn, time between turns that only look, and when a message that could not be taken,
 * or moved, is looked at again. */
enum { STEPS = 10, TURN_MS = 1, LOCKED_MS = 10 * 1000 };

static struct {
    struct timer *turn, *run, *locked;
    struct qmgr_walk *walk; /* of incoming */
    char *waiting;          /* found by the walk when the active queue was full */
    bool ignores_times;     /* of the walk */
    bool again;             /* another one was asked for meanwhile */
    bool again_ignoring_times;
    bool has_strays; /* something stands in active that is not in work */
} scan;

/* A file in incoming: is it a finished message whose time has come? */
static bool incoming_is_ready(const char *id)
{
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_INIT(4096);
    struct stat st;
    struct timeval now;
    queue_path(&path, QUEUE_INCOMING, id);
    if (lstat(path.s, &st) < 0 || !S_ISREG(st.st_mode))
        return false;
    if ((st.st_mode & 0777) == 0400) {
        qmgr_active_corrupt(QUEUE_INCOMING, id);
        return false;
    }
    clock_wall(&now);
    return st.st_mode & S_IXUSR && (scan.ignores_times || st.st_mtime <= now.tv_sec);
}

static void feed_waiting(void)
{
    if (qmgr_active_feed_file(QUEUE_INCOMING, scan.waiting, scan.ignores_times) == FEED_FULL) {
        qmgr_queue_warn_clog();
        return; /* it stays and is the next one */
    }
    free(scan.waiting);
    scan.waiting = NULL;
}

/* Nothing to do, or no room for it: STEP_NONE. */
static enum qmgr_step incoming_step(void)
{
    if (scan.waiting) {
        if (!qmgr_active_has_room())
            return STEP_NONE;
        feed_waiting();
        return STEP_TAKEN;
    }
    if (!scan.walk)
        return STEP_NONE;
    const char *id = qmgr_walk_next(scan.walk);
    if (!id) {
        qmgr_walk_free(scan.walk);
        scan.walk = NULL;
        if (scan.again)
            qmgr_scan_incoming(scan.again_ignoring_times);
        return scan.walk ? STEP_LOOKED : STEP_NONE;
    }
    if (qmgr_message_find(id) || !incoming_is_ready(id))
        return STEP_LOOKED;
    scan.waiting = xstrdup(id);
    feed_waiting();
    return STEP_TAKEN;
}

static void on_turn(void *owner)
{
    (void)owner;
    enum qmgr_step last = STEP_LOOKED, most = STEP_NONE;
    for (int i = 0; i < STEPS && last != STEP_NONE; i++) {
        enum qmgr_step incoming = incoming_step(), deferred = qmgr_deferred_step();
        last = MAX(incoming, deferred);
        most = MAX(most, last);
    }
    if (most == STEP_TAKEN) /* other events are served in between, but nothing is waited for */
        timer_start(scan.turn, 0);
    else if (last != STEP_NONE)
        qmgr_scan_continue();
}

void qmgr_scan_continue(void)
{
    if (!timer_is_running(scan.turn))
        timer_start(scan.turn, TURN_MS);
}

void qmgr_scan_wake(void)
{
    qmgr_scan_continue();
}

void qmgr_scan_incoming(bool ignore_times)
{
    scan.again = scan.walk != NULL;
    scan.again_ignoring_times = scan.walk && (scan.again_ignoring_times || ignore_times);
    if (!scan.walk) {
        scan.walk = qmgr_walk_new(QUEUE_INCOMING);
        scan.ignores_times = ignore_times;
    }
    qmgr_scan_continue();
}

void qmgr_scan_deferred(bool ignore_times)
{
    qmgr_deferred_start(ignore_times);
    qmgr_scan_continue();
}

static void on_run(void *owner)
{
    (void)owner;
    timer_start(scan.run, common_params.queue_run_delay * 1000);
    qmgr_deferred_run();
    qmgr_scan_incoming(false);
}

/* Back to incoming with what stands in active and is not in work: at start, what a former qmgr had;
 * later, what could not be moved on when its turn was over. Dies in the middle: the next start
 * moves the rest. */
static void restore_active(void)
{
    struct qmgr_walk *walk = qmgr_walk_new(QUEUE_ACTIVE);
    const char *id;
    scan.has_strays = false;
    while ((id = qmgr_walk_next(walk))) {
        if (qmgr_message_find(id) || queue_move(id, QUEUE_ACTIVE, QUEUE_INCOMING) ||
            errno == ENOENT)
            continue;
        log_warn(NULL, "move %s from active to incoming: %s", id, strerror(errno));
        scan.has_strays = true;
    }
    qmgr_walk_free(walk);
}

static void on_locked(void *owner)
{
    (void)owner;
    if (scan.has_strays)
        restore_active();
    if (scan.has_strays)
        timer_start(scan.locked, LOCKED_MS);
    qmgr_scan_incoming(false);
}

void qmgr_scan_retry_locked(void)
{
    if (!timer_is_running(scan.locked))
        timer_start(scan.locked, LOCKED_MS);
}

void qmgr_scan_retry_stray(void)
{
    scan.has_strays = true;
    qmgr_scan_retry_locked();
}

void qmgr_scan_init(void)
{
    scan.turn = timer_new(service_loop(), on_turn, NULL);
    scan.run = timer_new(service_loop(), on_run, NULL);
    scan.locked = timer_new(service_loop(), on_locked, NULL);
    timer_start(scan.run, common_params.queue_run_delay * 1000);
    restore_active();
    qmgr_scan_incoming(false);
    qmgr_scan_deferred(false);
}
