#include "cleanup/cleanup_sync.h"

#include "base/xmem.h"
#include "cleanup/cleanup_params.h"
#include "io/work.h"
#include "log/log.h"
#include "mail/queue_journal.h"

#include <errno.h>
#include <unistd.h>

enum {
    /* A thread sleeps while the disk works, and flushes that wait for the disk at the same time
     * become one. With more than this the file system's locks cost more than that saves. */
    THREADS = 16,
    /* After a loss of power mail that was delivered or removed in this time may come back. */
    SETTLE_MS = 5000,
};

struct sync_file {
    int fd;
    int error;
    size_t size;
    const char *queue, *id;
    void (*done)(void *owner, int error);
    void *owner;
    struct sync_file *next;
};

/* Files that go into the journal together. */
struct sync_batch {
    struct sync_file *files;
    bool has_failed; /* the journal; the files were synced one by one */
};

enum journal_state { JOURNAL_UNUSED, JOURNAL_OPENING, JOURNAL_READY, JOURNAL_OVER };

static struct {
    struct work_pool *pool;
    struct sync_file *waiting, **last;
    size_t singles; /* fsync() calls under way */
    struct queue_journal_origin origin;
    struct queue_journal *journal;
    enum journal_state state;
    bool is_flushing, is_settling;
    struct err err;      /* of the thread that opens or settles */
    struct timer *timer; /* until the entries are settled */
} sync_state = {.last = &sync_state.waiting, .state = JOURNAL_OVER};

void cleanup_sync_prepare(void)
{
    if (!cleanup_params.queue_journal || !queue_journal_is_possible())
        return;
    sync_state.origin = queue_journal_origin();
    sync_state.state = JOURNAL_UNUSED;
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

/* In a thread. Dying before the journal is flushed: nobody was told; after it: all entries are
 * there to be restored. */
static void batch_run(void *arg)
{
    struct sync_batch *batch = arg;
    for (struct sync_file *f = batch->files; f; f = f->next)
        if (!queue_journal_add(sync_state.journal, f->queue, f->id, f->fd, f->size))
            f->error = errno;
    batch->has_failed = !queue_journal_flush(sync_state.journal);
    for (struct sync_file *f = batch->files; f; f = f->next)
        if (batch->has_failed && !f->error)
            single_run(f);
        else if (close(f->fd) < 0 && !f->error && errno != EINTR)
            f->error = errno;
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

static void batch_done(void *arg)
{
    struct sync_batch *batch = arg;
    struct sync_file *file = batch->files, *next;
    sync_state.is_flushing = false;
    if (batch->has_failed) {
        sync_state.state = JOURNAL_OVER;
        log_warn(NULL, "write " QUEUE_JOURNAL_DIR ": failed; syncing queue files one by one");
    } else if (!timer_is_running(sync_state.timer)) {
        timer_start(sync_state.timer, SETTLE_MS);
    }
    free(batch);
    start_waiting();
    for (; file; file = next) {
        next = file->next;
        report(file);
    }
}

static void settle_run(void *arg)
{
    bool *ok = arg;
    *ok = queue_journal_settle(sync_state.journal, &sync_state.err);
}

static void settle_done(void *arg)
{
    bool *ok = arg;
    sync_state.is_settling = false;
    if (!*ok) {
        sync_state.state = JOURNAL_OVER;
        log_warn(NULL,
                 "queue files were not written to the disk: %s; " QUEUE_JOURNAL_DIR
                 " has their contents, and \"postfix start\" puts them back",
                 sync_state.err.reason);
    }
    free(ok);
    start_waiting();
}

/* Go on in the other half while the files of this one are written. */
static void turn(void)
{
    if (sync_state.state != JOURNAL_READY || sync_state.is_settling || sync_state.is_flushing)
        return;
    timer_stop(sync_state.timer);
    queue_journal_turn(sync_state.journal);
    sync_state.is_settling = true;
    work_submit(sync_state.pool, settle_run, settle_done, xzalloc(sizeof(bool)));
}

static void on_timer(void *owner)
{
    (void)owner;
    if (sync_state.is_settling || sync_state.is_flushing)
        timer_start(sync_state.timer, 1); /* its turn comes when that is over */
    else if (!queue_journal_is_empty(sync_state.journal))
        turn();
}

static void open_run(void *arg)
{
    (void)arg;
    sync_state.journal = queue_journal_new(&sync_state.origin, &sync_state.err);
}

static void open_done(void *arg)
{
    (void)arg;
    sync_state.state = sync_state.journal ? JOURNAL_READY : JOURNAL_OVER;
    if (!sync_state.journal)
        log_info(NULL, "no " QUEUE_JOURNAL_DIR ": %s; syncing queue files one by one",
                 sync_state.err.reason);
    start_waiting();
}

static struct sync_file *take_waiting(void)
{
    struct sync_file *file = sync_state.waiting;
    sync_state.waiting = file->next;
    if (!file->next)
        sync_state.last = &sync_state.waiting;
    file->next = NULL;
    return file;
}

static void start_single(struct sync_file *file)
{
    sync_state.singles++;
    work_submit(sync_state.pool, single_run, single_done, file);
}

static void start_batch(void)
{
    struct sync_batch *batch = xzalloc(sizeof *batch);
    struct sync_file **last = &batch->files;
    size_t size = 0;
    while (sync_state.waiting &&
           queue_journal_has_room(sync_state.journal, size + sync_state.waiting->size)) {
        *last = take_waiting();
        size += (*last)->size;
        last = &(*last)->next;
    }
    sync_state.is_flushing = true;
    work_submit(sync_state.pool, batch_run, batch_done, batch);
}

/* Does the first that waits go into the journal? Who is alone waits for nobody; who comes while the
 * disk is at work goes with all who have come meanwhile. As long as the journal has entries it
 * takes the lone ones as well: blocks in place are cheaper than a new file, and leave the file
 * system alone, for which the next batch would wait. */
static bool goes_together(void)
{
    bool has_company = sync_state.waiting->next || sync_state.singles > 0 || sync_state.is_flushing;
    if (sync_state.state == JOURNAL_UNUSED && has_company) {
        sync_state.state = JOURNAL_OPENING;
        work_submit(sync_state.pool, open_run, open_done, NULL);
    }
    return sync_state.state == JOURNAL_READY &&
           (has_company || !queue_journal_is_empty(sync_state.journal));
}

static void start_waiting(void)
{
    while (sync_state.waiting) {
        if (!goes_together()) {
            if (sync_state.singles >= THREADS)
                return;
            start_single(take_waiting());
        } else if (sync_state.is_flushing) {
            return;
        } else if (queue_journal_has_room(sync_state.journal, sync_state.waiting->size)) {
            start_batch();
        } else if (!sync_state.is_settling) {
            turn();
        } else if (sync_state.singles < THREADS) {
            start_single(take_waiting()); /* both halves are full: the disk is slow */
        } else {
            return;
        }
    }
}

void cleanup_sync_start(struct loop *loop)
{
    sync_state.pool = work_pool_new(loop, THREADS);
    sync_state.timer = timer_new(loop, on_timer, NULL);
}

void cleanup_sync_stop(void)
{
    work_pool_drain(sync_state.pool);
    if (sync_state.journal && !queue_journal_is_empty(sync_state.journal))
        turn();
    work_pool_drain(sync_state.pool);
    work_pool_free(sync_state.pool);
    timer_free(sync_state.timer);
    queue_journal_free(sync_state.journal);
    sync_state.pool = NULL;
    sync_state.journal = NULL;
}

void cleanup_sync(int fd, size_t size, const char *queue, const char *id,
                  void (*done)(void *owner, int error), void *owner)
{
    struct sync_file *file = xzalloc(sizeof *file);
    *file = (struct sync_file){
        .fd = fd, .size = size, .queue = queue, .id = id, .done = done, .owner = owner};
    if (size > QUEUE_JOURNAL_ENTRY_MAX) {
        start_single(file);
        return;
    }
    *sync_state.last = file;
    sync_state.last = &file->next;
    start_waiting();
}
