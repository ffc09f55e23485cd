/*
 * The deferred queue: an index in memory says what is due, so that a queue run costs what it
 * starts.
 *
 * The index is filled by a scan at start, a few files at a time, while new mail flows. Files that
 * others put there (postsuper -H) are found by scanning again from time to time: every queue run as
 * long as that is cheap, less often when the queue is big, so that scanning never takes more than a
 * small part of the time. The index is a hint: before a message is taken its file is looked at.
 */
#include "base/clock.h"
#include "delivery/delivery_log.h"
#include "mail/queue_id.h"
#include "qmgr/qmgr.h"
#include "qmgr/qmgr_index.h"
#include "qmgr/qmgr_walk.h"

#include <sys/stat.h>

enum {
    SCAN_PER_STEP = 50,
    SCAN_SHARE = 30 /* pause at least this many times the scan's duration */
};

static struct {
    struct qmgr_index live, next; /* next: being filled by a scan; swapped in at its end */
    struct qmgr_walk *walk;
    bool is_first; /* the scan at start fills the live index directly */
    bool again;    /* another scan was asked for meanwhile */
    bool again_ignoring_times;
    bool ignores_times; /* of this scan */
    int64_t scan_started_ms, next_scan_ms, ignoring_since_us;
    int64_t run_until_s; /* take what is due at this time; 0: nothing to take */
} deferred = {.is_first = true};

static int64_t now_s(void)
{
    struct timeval now;
    clock_wall(&now);
    return now.tv_sec;
}

void qmgr_scan_deferred_add(const char *id, int64_t when_s)
{
    qmgr_index_add(&deferred.live, when_s, id);
    if (deferred.walk && !deferred.is_first)
        qmgr_index_add(&deferred.next, when_s, id);
}

static bool stat_deferred(const char *id, struct stat *st)
{
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_INIT(4096);
    queue_path(&path, QUEUE_DEFERRED, id);
    return lstat(path.s, st) == 0 && S_ISREG(st->st_mode);
}

static void scan_end(void)
{
    qmgr_walk_free(deferred.walk);
    deferred.walk = NULL;
    if (!deferred.is_first) {
        /* a flush that has not got to them yet is not forgotten */
        qmgr_index_copy_flushed(&deferred.live, &deferred.next);
        qmgr_index_done(&deferred.live);
        deferred.live = deferred.next;
        deferred.next = (struct qmgr_index){NULL, 0, 0};
    }
    deferred.is_first = false;
    deferred.run_until_s = now_s();
    int64_t now = clock_now_ms();
    deferred.next_scan_ms = now + (now - deferred.scan_started_ms) * SCAN_SHARE;
    if (deferred.again) {
        deferred.again = false;
        qmgr_deferred_start(deferred.again_ignoring_times);
        deferred.again_ignoring_times = false;
    }
}

static void scan_one(const char *id)
{
    struct stat st;
    if (!stat_deferred(id, &st))
        return;
    int64_t when_s = st.st_mtime;
    /* what was deferred after the request for a flush has had its attempt */
    int64_t changed_us = (int64_t)st.st_ctim.tv_sec * 1000000 + st.st_ctim.tv_nsec / 1000;
    if (deferred.ignores_times && changed_us < deferred.ignoring_since_us)
        when_s = 0;
    qmgr_index_add(deferred.is_first ? &deferred.live : &deferred.next, when_s, id);
}

static void scan_some(void)
{
    for (int i = 0; i < SCAN_PER_STEP; i++) {
        const char *id = qmgr_walk_next(deferred.walk);
        if (!id) {
            scan_end();
            return;
        }
        scan_one(id);
    }
}

/* Start a scan and take what is due. */
void qmgr_deferred_start(bool ignore_times)
{
    deferred.run_until_s = now_s();
    if (ignore_times)
        qmgr_index_all_due(&deferred.live);
    if (deferred.walk) {
        deferred.again = true;
        deferred.again_ignoring_times |= ignore_times;
        return;
    }
    deferred.ignores_times = ignore_times;
    deferred.ignoring_since_us = delivery_wall_us();
    deferred.scan_started_ms = clock_now_ms();
    deferred.walk = qmgr_walk_new(QUEUE_DEFERRED);
}

/* A queue run: take what is due, and look at the directory when that is not too much work. */
void qmgr_deferred_run(void)
{
    deferred.run_until_s = now_s();
    if (!deferred.walk && clock_now_ms() >= deferred.next_scan_ms)
        qmgr_deferred_start(false);
}

/* The index may be wrong: the file may be gone, or have got another time. False: the active queue
 * is full. */
static bool take_one(int64_t when_s, const char *id)
{
    struct stat st;
    if (!stat_deferred(id, &st))
        return true;
    if ((st.st_mode & 0777) == 0400) {
        qmgr_active_corrupt(QUEUE_DEFERRED, id);
        return true;
    }
    if (!(st.st_mode & S_IXUSR) || (when_s != 0 && st.st_mtime > now_s()))
        return true;
    if (qmgr_active_feed_file(QUEUE_DEFERRED, id, when_s == 0) != FEED_FULL)
        return true;
    qmgr_index_add(&deferred.live, when_s, id);
    return false;
}

enum qmgr_step qmgr_deferred_step(void)
{
    enum qmgr_step did = STEP_NONE;
    if (deferred.walk) {
        scan_some();
        did = STEP_LOOKED;
    }
    if (deferred.run_until_s == 0 || !qmgr_active_has_room())
        return did;
    char id[QUEUE_ID_MAX + 1];
    int64_t when_s;
    if (!qmgr_index_take(&deferred.live, deferred.run_until_s, &when_s, id)) {
        if (!deferred.walk)
            deferred.run_until_s = 0;
        return did;
    }
    return take_one(when_s, id) ? STEP_TAKEN : did;
}
