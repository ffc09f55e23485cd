#include "qmgr/qmgr_walk.h"

#include "base/strbuf.h"
#include "base/xmem.h"
#include "log/log.h"
#include "mail/queue_id.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>

enum { WALK_DEPTH = 17 }; /* hash_queue_depth is at most 16 */

struct qmgr_walk {
    struct strbuf path; /* of the directory being read */
    DIR *dirs[WALK_DEPTH];
    int depth; /* directories open */
    char id[256];
};

static void walk_enter(struct qmgr_walk *w, const char *name)
{
    if (w->depth == WALK_DEPTH)
        return;
    if (w->depth > 0)
        strbuf_add_char(&w->path, '/');
    strbuf_add_str(&w->path, name);
    DIR *dir = opendir(w->path.s);
    if (!dir) {
        if (errno != ENOENT)
            log_warn(NULL, "open directory %s: %s", w->path.s, strerror(errno));
        strbuf_truncate(&w->path, w->path.len - strlen(name) - (w->depth > 0));
        return;
    }
    w->dirs[w->depth++] = dir;
}

static void walk_leave(struct qmgr_walk *w)
{
    closedir(w->dirs[--w->depth]);
    const char *slash = strrchr(w->path.s, '/');
    strbuf_truncate(&w->path, slash ? (size_t)(slash - w->path.s) : 0);
}

struct qmgr_walk *qmgr_walk_new(const char *queue)
{
    struct qmgr_walk *w = xzalloc(sizeof *w);
    strbuf_init(&w->path, 4096);
    walk_enter(w, queue);
    return w;
}

void qmgr_walk_free(struct qmgr_walk *w)
{
    if (!w)
        return;
    while (w->depth > 0)
        walk_leave(w);
    strbuf_done(&w->path);
    free(w);
}

const char *qmgr_walk_next(struct qmgr_walk *w)
{
    while (w->depth > 0) {
        const struct dirent *d = readdir(w->dirs[w->depth - 1]);
        size_t len = d ? strlen(d->d_name) : 0;
        if (!d)
            walk_leave(w);
        else if (d->d_name[0] == '.')
            continue;
        else if (len == 1) /* a hash directory; ids are longer */
            walk_enter(w, d->d_name);
        else if (len <= QUEUE_ID_MAX && queue_id_is_valid(slice_of(d->d_name))) {
            memcpy(w->id, d->d_name, len + 1);
            return w->id;
        }
    }
    return NULL;
}
