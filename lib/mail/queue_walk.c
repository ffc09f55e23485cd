#include "mail/queue_walk.h"

#include "base/xmem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

enum { WALK_DEPTH = 17 }; /* hash_queue_depth is at most 16 */

struct queue_walk {
    DIR *dirs[WALK_DEPTH];
    size_t path_len[WALK_DEPTH]; /* of the directory's path */
    int depth;                   /* directories open */
    struct strbuf path;
    bool is_leaving; /* the directory just finished is closed at the next step */
};

static bool walk_enter(struct queue_walk *w, struct err *err)
{
    if (w->depth == WALK_DEPTH)
        return err_set(err, ERR_PERM, "%s: directories too deep", w->path.s);
    int fd = open(w->path.s, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir) {
        err_set(err, errno == ENOENT ? ERR_NONE : ERR_TEMP, "open directory %s: %s", w->path.s,
                strerror(errno));
        if (fd >= 0)
            close(fd);
        return false;
    }
    w->path_len[w->depth] = w->path.len;
    w->dirs[w->depth++] = dir;
    return true;
}

struct queue_walk *queue_walk_new(const char *queue, struct err *err)
{
    struct queue_walk *w = xzalloc(sizeof *w);
    strbuf_init(&w->path, PATH_MAX);
    strbuf_set(&w->path, queue);
    if (walk_enter(w, err))
        return w;
    if (err && err->kind == ERR_NONE) /* the queue itself must be there */
        err->kind = ERR_TEMP;
    queue_walk_free(w);
    return NULL;
}

void queue_walk_free(struct queue_walk *w)
{
    if (!w)
        return;
    while (w->depth > 0)
        closedir(w->dirs[--w->depth]);
    strbuf_done(&w->path);
    free(w);
}

static bool is_dir(const struct queue_walk *w, const struct dirent *entry)
{
    if (entry->d_type != DT_UNKNOWN)
        return entry->d_type == DT_DIR;
    int fd = openat(dirfd(w->dirs[w->depth - 1]), entry->d_name,
                    O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static void walk_close_top(struct queue_walk *w)
{
    closedir(w->dirs[--w->depth]);
    w->is_leaving = false;
}

enum queue_walk_step queue_walk_next(struct queue_walk *w, const char **ret_name, struct err *err)
{
    if (w->is_leaving)
        walk_close_top(w);
    while (w->depth > 0) {
        const struct dirent *entry = readdir(w->dirs[w->depth - 1]);
        strbuf_truncate(&w->path, w->path_len[w->depth - 1]);
        if (!entry && w->depth == 1)
            return QUEUE_WALK_END;
        if (!entry) {
            w->is_leaving = true;
            return QUEUE_WALK_LEAVING;
        }
        if (entry->d_name[0] == '.')
            continue;
        strbuf_add_char(&w->path, '/');
        strbuf_add_str(&w->path, entry->d_name);
        if (entry->d_name[1] == '\0' && is_dir(w, entry)) {
            struct err why = ERR_INIT;
            if (walk_enter(w, &why) || why.kind == ERR_NONE)
                continue;
            if (err)
                *err = why;
            return QUEUE_WALK_FAILED;
        }
        *ret_name = entry->d_name;
        return QUEUE_WALK_FILE;
    }
    return QUEUE_WALK_END;
}

const char *queue_walk_path(const struct queue_walk *w)
{
    return w->path.s;
}

int queue_walk_dir_fd(const struct queue_walk *w)
{
    return dirfd(w->dirs[w->depth - 1]);
}

int queue_walk_depth(const struct queue_walk *w)
{
    return w->depth - 1;
}
