/*
 * Removing files in threads: on some file systems (NFS, or ext4 that discards freed blocks) the
 * call takes ten times as long as it needs of the processor, and all mail waits for this process.
 */
#include "base/xmem.h"
#include "io/work.h"
#include "mail/queue_id.h"
#include "mail/queue_remove.h"
#include "qmgr/qmgr.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

enum { REMOVE_THREADS = 4 };

static struct work_pool *pool;

struct removal {
    struct qmgr_message *message;
    qmgr_remove_fn fn;
    int error;
    char path[];
};

static void run(void *job)
{
    struct removal *r = job;
    r->error = queue_remove(r->path, r->message->id) ? 0 : errno;
}

static void done(void *job)
{
    struct removal r = *(struct removal *)job;
    free(job);
    r.fn(r.message, r.error);
}

void qmgr_remove(struct qmgr_message *m, const char *queue, qmgr_remove_fn fn)
{
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_INIT(PATH_MAX);
    queue_path(&path, queue, m->id);
    if (!pool) /* not before: threads that are there already escape the confinement of files */
        pool = work_pool_new(service_loop(), REMOVE_THREADS);
    struct removal *r = xzalloc(sizeof *r + path.len + 1);
    r->message = m;
    r->fn = fn;
    for (size_t i = 0; i < path.len; i++)
        r->path[i] = path.s[i];
    work_submit(pool, run, done, r);
}

void qmgr_remove_drain(void)
{
    if (pool)
        work_pool_drain(pool);
}
