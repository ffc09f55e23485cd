/*
 * Reading small files is most of the work of a listing, and each costs several system calls: two
 * threads do that while the loop walks the directories and sends what is ready.
 *
 * A thread touches its batch only. It does not log: warnings are collected. It stops when enough
 * text has come together, so that messages with thousands of recipients do not pile up.
 */
#include "showq/showq_batch.h"

#include "base/xmem.h"
#include "io/fd.h"
#include "io/work.h"
#include "log/log.h"
#include "mail/queue_id.h"
#include "showq/showq_file.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>

enum { THREADS = 2, FRAMES_ENOUGH = 256 * 1024, WARNINGS_MAX = 64 * 1024 };

static struct work_pool *pool; /* of the process */

struct showq_batch {
    showq_batch_fn fn;
    void *owner; /* NULL: forgotten */
    bool is_running;
    const char *queue;
    int dir_fd;
    struct strbuf dir;    /* with its slash */
    struct strbuf names;  /* each with its NUL */
    size_t count, at;     /* names; where the next one to look at begins */
    struct strbuf path;   /* of the file being looked at */
    struct strbuf proper; /* path it should have */
    struct strbuf frames, warnings;
    struct showq_file *file;
};

struct showq_batch *showq_batch_new(struct loop *loop, showq_batch_fn fn, void *owner)
{
    if (!pool)
        pool = work_pool_new(loop, THREADS);
    struct showq_batch *b = xzalloc(sizeof *b);
    b->fn = fn;
    b->owner = owner;
    b->dir_fd = -1;
    strbuf_init(&b->dir, PATH_MAX);
    strbuf_init(&b->path, PATH_MAX);
    strbuf_init(&b->proper, PATH_MAX);
    strbuf_init(&b->names, SHOWQ_BATCH_FILES * (QUEUE_ID_MAX + 1));
    strbuf_init(&b->frames, SIZE_MAX / 4);
    strbuf_init(&b->warnings, WARNINGS_MAX);
    b->file = showq_file_new(&b->warnings);
    return b;
}

static void batch_free(struct showq_batch *b)
{
    fd_done(&b->dir_fd);
    strbuf_done(&b->dir);
    strbuf_done(&b->names);
    strbuf_done(&b->path);
    strbuf_done(&b->proper);
    strbuf_done(&b->frames);
    strbuf_done(&b->warnings);
    showq_file_free(b->file);
    free(b);
}

void showq_batch_forget(struct showq_batch *b)
{
    if (b)
        b->owner = NULL;
    if (b && !b->is_running)
        batch_free(b);
}

void showq_batch_begin(struct showq_batch *b, const char *queue, const char *path, int dir_fd)
{
    struct slice all = slice_of(path);
    b->queue = queue;
    fd_done(&b->dir_fd);
    b->dir_fd = fcntl(dir_fd, F_DUPFD_CLOEXEC, 0);
    strbuf_set_slice(&b->dir, slice_first(all, slice_rfind(all, '/') + 1));
    strbuf_reset(&b->names);
    b->count = b->at = 0;
}

bool showq_batch_add(struct showq_batch *b, const char *path)
{
    struct slice all = slice_of(path);
    size_t dir_len = slice_rfind(all, '/') + 1;
    if (b->count == SHOWQ_BATCH_FILES || !slice_eq(slice_first(all, dir_len), b->dir.s))
        return false;
    strbuf_add(&b->names, path + dir_len, all.len - dir_len + 1);
    b->count++;
    return true;
}

static void emit(void *ctx, uint16_t kind, const struct msg_type *type, const void *object)
{
    struct showq_batch *b = ctx;
    msg_frame(kind, type, object, &b->frames);
}

static void show(struct showq_batch *b, const char *id)
{
    queue_path(&b->proper, b->queue, id);
    strbuf_set(&b->path, b->dir.s);
    strbuf_add_str(&b->path, id);
    /* A file that stands elsewhere does not exist for the mail system: see postsuper -s. */
    if (strcmp(b->proper.s, b->path.s) != 0)
        return;
    const struct showq_place place = {b->queue, id, b->path.s, b->dir_fd};
    showq_file_show(b->file, &place, emit, b);
}

static void run(void *job)
{
    struct showq_batch *b = job;
    while (b->at < b->names.len && b->frames.len < FRAMES_ENOUGH) {
        const char *id = b->names.s + b->at;
        b->at += strlen(id) + 1;
        show(b, id);
    }
}

static void done(void *job)
{
    struct showq_batch *b = job;
    b->is_running = false;
    if (b->owner)
        b->fn(b->owner, b);
    else
        batch_free(b);
}

void showq_batch_run(struct showq_batch *b)
{
    strbuf_reset(&b->frames);
    strbuf_reset(&b->warnings);
    b->is_running = true;
    work_submit(pool, run, done, b);
}

bool showq_batch_is_running(const struct showq_batch *b)
{
    return b->is_running;
}

bool showq_batch_is_cut(const struct showq_batch *b)
{
    return b->at < b->names.len;
}

struct slice showq_batch_frames(struct showq_batch *b)
{
    struct slice rest = strbuf_slice(&b->warnings), line;
    while (slice_split(rest, '\n', &line, &rest))
        log_warn(NULL, "%.*s", SLICE_ARG(line));
    return strbuf_slice(&b->frames);
}
