#include "showq/showq_log.h"

#include "io/fd.h"
#include "mail/queue_id.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

int showq_log_open_at(int dir_fd, const char *name)
{
    const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    int fd = openat(dir_fd, name, flags | O_NOATIME);
    if (fd < 0 && errno == EPERM) /* somebody else's file */
        fd = openat(dir_fd, name, flags);
    return fd;
}

void showq_log_init(struct showq_log *l, const char *name, struct strbuf *warnings)
{
    *l = (struct showq_log){
        .name = name, .dir_fd = -1, .warnings = warnings, .log = bounce_log_open_fd(-1)};
    strbuf_init(&l->path, PATH_MAX);
    strbuf_init(&l->dir, PATH_MAX);
}

void showq_log_done(struct showq_log *l)
{
    bounce_log_close(l->log);
    fd_done(&l->dir_fd);
    strbuf_done(&l->path);
    strbuf_done(&l->dir);
}

/* Messages of one directory mostly have their logs in one directory too. */
static bool enter_directory(struct showq_log *l, size_t len)
{
    if (l->dir_fd >= 0 && slice_eq((struct slice){l->path.s, len}, l->dir.s))
        return true;
    fd_done(&l->dir_fd);
    strbuf_set_slice(&l->dir, (struct slice){l->path.s, len});
    l->dir_fd = open(l->dir.s, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return l->dir_fd >= 0;
}

struct bounce_log *showq_log_open(struct showq_log *l, const char *id)
{
    queue_path(&l->path, l->name, id);
    size_t dir_len = slice_rfind(strbuf_slice(&l->path), '/') + 1;
    /* should it be something else than a file: a directory does not read, a FIFO reads as empty */
    int fd = enter_directory(l, dir_len) ? showq_log_open_at(l->dir_fd, l->path.s + dir_len) : -1;
    if (fd >= 0) {
        bounce_log_restart(l->log, fd);
        return l->log;
    }
    if (errno != ENOENT)
        strbuf_addf(l->warnings, "open file %s: %s\n", l->path.s, strerror(errno));
    return NULL;
}
