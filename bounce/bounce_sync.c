#include "bounce/bounce_sync.h"

#include "base/xmem.h"
#include "config/common_params.h"
#include "io/fd.h"
#include "io/work.h"
#include "mail/queue_id.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { SYNC_THREADS = 8 };

struct sync_job {
    char *path;
    int error;
    bounce_sync_fn fn;
    void *owner;
};

static struct work_pool *pool; /* made when first needed: defer and trace need none */
static struct loop *sync_loop;

void bounce_sync_start(struct loop *loop)
{
    sync_loop = loop;
}

void bounce_sync_stop(void)
{
    work_pool_free(pool);
    pool = NULL;
}

bool bounce_sync_is_needed(const char *log)
{
    return strcmp(log, common_params.bounce_service_name) == 0;
}

/* In a thread: touches nothing but the file. By name, not by the descriptor of the append, whose
 * lock would keep others from appending meanwhile. */
static void sync_run(void *arg)
{
    struct sync_job *job = arg;
    CLEANUP(fd_done) int fd = open(job->path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 || fdatasync(fd) < 0)
        job->error = errno;
}

static void sync_done(void *arg)
{
    struct sync_job *job = arg;
    struct err err = ERR_INIT;
    if (job->error)
        err_set(&err, ERR_TEMP, "sync file %s: %s", job->path, strerror(job->error));
    job->fn(job->owner, job->error ? &err : NULL);
    free(job->path);
    free(job);
}

void bounce_sync(const char *log, const char *queue_id, bounce_sync_fn fn, void *owner)
{
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_ANY;
    queue_path(&path, log, queue_id);
    struct sync_job *job = xzalloc(sizeof *job);
    job->path = xstrdup(path.s);
    job->fn = fn;
    job->owner = owner;
    if (!pool)
        pool = work_pool_new(sync_loop, SYNC_THREADS);
    work_submit(pool, sync_run, sync_done, job);
}
