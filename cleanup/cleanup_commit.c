// clang-format off
/*
 * From a complete file to mail that is ours, and what dying at each step means:
 *
 *   1. the rest of the buffer and the size record are written
 *          here or before: mode 0600, no mail
 *   2. the owner's execute bit says complete
 *          the client was told nothing and sends again
 *   3. HOLD: rename into hold
 *          complete in incoming or in hold; perhaps delivered twice, never lost
 *   4. fsync, or its contents into the journal (cleanup_sync.h)
 *          as after 3; power loss: file there or not, and the client was told nothing
 *   5. the client hears status 0
 *          the message is on disk with its name: the renames came before the fsync, and a file
 *          system's journal keeps that order; or our journal has it, and postsuper puts it back
 *          after a power loss
 *   6. qmgr is told
 *          found by qmgr's sweep
 */
// clang-format on
#include "cleanup/cleanup_commit.h"

#include "base/xmem.h"
#include "cleanup/cleanup_bounce.h"
#include "cleanup/cleanup_notify.h"
#include "cleanup/cleanup_sync.h"
#include "io/fd.h"
#include "mail/queue_id.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

struct commit_job {
    struct cleanup_message *m;
    void (*done)(void *owner, struct cleanup_message *m);
    void *owner;
    struct later later;
};

static struct loop *commit_loop;

void cleanup_commit_start(struct loop *loop)
{
    commit_loop = loop;
    cleanup_sync_start(loop);
}

void cleanup_commit_stop(void)
{
    cleanup_sync_stop();
}

static void finish(struct commit_job *job)
{
    struct cleanup_message *m = job->m;
    void (*done)(void *, struct cleanup_message *) = job->done;
    void *owner = job->owner;
    free(job);
    done(owner, m);
}

static void finish_later(void *arg)
{
    finish(arg);
}

static void sync_done(void *arg, int error)
{
    struct commit_job *job = arg;
    struct cleanup_message *m = job->m;
    if (error) {
        /* After a failed fsync nothing is known of the file's state: it must not be mail. */
        cleanup_message_warn(m, "sync queue file: %s", strerror(error));
        m->status |= CLEANUP_STAT_WRITE;
    } else {
        if (strcmp(m->queue, QUEUE_INCOMING) == 0)
            cleanup_notify_arrived(m);
        m->id = NULL; /* the file is the queue's now */
    }
    finish(job);
}

static bool make_complete(struct cleanup_message *m)
{
    if (!cleanup_write_finish(m))
        return false;
    if (fchmod(m->fd, 0700) < 0) {
        cleanup_message_warn(m, "mark queue file complete: %s", strerror(errno));
        m->status |= CLEANUP_STAT_WRITE;
        return false;
    }
    if (m->flags & CLEANUP_FLAG_HOLD) {
        if (!queue_move(m->id, QUEUE_INCOMING, QUEUE_HOLD)) {
            cleanup_message_warn(m, "move to hold: %s", strerror(errno));
            m->status |= CLEANUP_STAT_WRITE;
            return false;
        }
        m->queue = QUEUE_HOLD;
    }
    return true;
}

static void sync_start(struct commit_job *job)
{
    struct cleanup_message *m = job->m;
    cleanup_sync(fd_take(&m->fd), (size_t)m->written, m->queue, m->id, sync_done, job);
}

static void after_trace(void *arg, bool ok)
{
    (void)ok; /* a report less; the mail goes on */
    sync_start(arg);
}

static void after_bounce(void *arg, bool ok)
{
    struct commit_job *job = arg;
    /* The sender knows; the message itself goes. Without a bounce it stays where it came from. */
    if (ok)
        job->m->status = 0;
    else
        job->m->status |= CLEANUP_STAT_DEFER;
    finish(job);
}

void cleanup_commit(struct cleanup_message *m, void (*done)(void *owner, struct cleanup_message *m),
                    void *owner)
{
    struct commit_job *job = xzalloc(sizeof *job);
    job->m = m;
    job->done = done;
    job->owner = owner;
    job->later = (struct later){.fn = finish_later, .owner = job};
    if ((m->flags & CLEANUP_FLAG_DISCARD) && !(m->status & ~(int64_t)CLEANUP_STAT_CONTENT)) {
        m->status = 0;
        loop_later(commit_loop, &job->later);
        return;
    }
    if (m->status == 0 && make_complete(m)) {
        if (m->expanded_count > 0)
            cleanup_bounce_trace(m, after_trace, job); /* qmgr must not move the file away yet */
        else
            sync_start(job);
        return;
    }
    if (m->status != 0 && cleanup_message_is_ok(m) && cleanup_write_finish(m)) {
        cleanup_bounce(m, after_bounce, job);
        return;
    }
    loop_later(commit_loop, &job->later);
}
