/*
 * Maildir: written in tmp/, synced, linked into new/, and only then reported.
 *
 * No lock is needed: the name is unique (time, device, inode, microseconds, host).
 */
#include "delivery/mailbox_maildir.h"

#include "base/clock.h"
#include "io/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_TRIES = 100 };

struct spool {
    int fd;
    int64_t size, limit;
    int error;
};

static void host_name(struct strbuf *out)
{
    char name[256] = "localhost";
    gethostname(name, sizeof name - 1);
    /* the name becomes part of a path; ':' separates flags in a maildir */
    for (const char *p = name; *p; p++)
        strbuf_add_str(out, *p == '/' ? "\\057" : *p == ':' ? "\\072" : (char[]){*p, '\0'});
}

static bool make_directory(const char *path)
{
    return mkdir(path, S_IRWXU) == 0 || errno == EEXIST;
}

/* The maildir, with what is missing above it. */
static bool make_parents(const char *path)
{
    CLEANUP(strbuf_done) struct strbuf name = STRBUF_ANY;
    for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        struct stat st;
        strbuf_set_slice(&name, (struct slice){path, (size_t)(slash - path)});
        if (stat(name.s, &st) < 0 && !make_directory(name.s))
            return false;
    }
    return true;
}

static bool make_maildir(const char *path)
{
    static const char *const subs[] = {"tmp", "new", "cur"};
    CLEANUP(strbuf_done) struct strbuf name = STRBUF_ANY;
    if (!make_parents(path))
        return false;
    for (size_t i = 0; i < COUNT_OF(subs); i++) {
        strbuf_setf(&name, "%s%s", path, subs[i]);
        if (!make_directory(name.s))
            return false;
    }
    return true;
}

/* Somebody else of our process id may have left a file of that name. */
static int create_tmp(const struct mailbox_maildir *dir, const struct timeval *now,
                      const char *host, struct strbuf *path)
{
    bool made = false;
    for (int try = 0; try < NAME_TRIES; try++) {
        strbuf_setf(path, "%stmp/%lld.P%d", dir->path, (long long)now->tv_sec, (int)getpid());
        if (try > 0)
            strbuf_addf(path, "Q%d", try);
        strbuf_addf(path, ".%s", host);
        int fd =
            open(path->s, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
        if (fd >= 0 || (errno != EEXIST && errno != ENOENT))
            return fd;
        if (errno == ENOENT) {
            int error = errno;
            if (made || !make_maildir(dir->path)) {
                errno = made ? error : errno;
                return -1;
            }
            made = true;
        }
    }
    return -1;
}

static bool spool_put(void *ctx, struct slice text)
{
    struct spool *s = ctx;
    if (s->limit > 0 && (int64_t)text.len > s->limit - s->size) {
        s->error = EFBIG;
        return false;
    }
    /* Dies here: a file in tmp/ that no reader looks at; the message is delivered anew. */
    if (!fd_write_all(s->fd, text.s, text.len)) {
        s->error = errno;
        return false;
    }
    s->size += (int64_t)text.len;
    return true;
}

static bool fill(const struct mailbox_maildir *dir, int fd, const struct mailbox_message *m,
                 struct mailbox_trouble *t)
{
    struct spool s = {.fd = fd, .limit = dir->size_limit};
    struct err err = ERR_INIT;
    enum mailbox_copy status = mailbox_message_copy(m, MAILBOX_FORM_MAILDIR, spool_put, &s, &err);
    if (status == MAILBOX_COPY_OK && fsync(fd) == 0)
        return true;
    if (status == MAILBOX_COPY_OK)
        s.error = errno;
    if (status == MAILBOX_COPY_UNREADABLE)
        return mailbox_trouble_set(t, "4.3.0", "cannot read queue file: %s", err.reason);
    return mailbox_trouble_set(t, mailbox_trouble_dsn(s.error, dir->default_dsn),
                               "error writing message: %s", strerror(s.error));
}

/*
 * Must the new name be on disk before we report? Power may go after qmgr has removed the queue
 * file. On one file system with a journal the removal cannot survive without the link, which came
 * first; between two there is no order. (docs/decisions/0017-maildir-directory-sync.md)
 */
static bool needs_directory_sync(const struct stat *mail, int queue_fd)
{
    struct stat queue;
    return fstat(queue_fd, &queue) < 0 || queue.st_dev != mail->st_dev;
}

static void sync_directory(const struct mailbox_maildir *dir, struct mailbox_trouble *t)
{
    CLEANUP(strbuf_done) struct strbuf name = STRBUF_ANY;
    strbuf_addf(&name, "%snew", dir->path);
    CLEANUP(fd_done) int fd = open(name.s, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 && fsync(fd) < 0 && errno != EINVAL)
        snprintf(t->warning, sizeof t->warning, "fsync %s: %s", name.s, strerror(errno));
}

/* A link does not replace what stands there, a rename would. */
static bool publish(const struct mailbox_maildir *dir, int fd, int queue_fd,
                    const struct timeval *now, const char *host, const char *tmp,
                    struct mailbox_trouble *t)
{
    CLEANUP(strbuf_done) struct strbuf name = STRBUF_ANY;
    struct stat st;
    if (fstat(fd, &st) < 0)
        return mailbox_trouble_set(t, "4.2.0", "fstat %s: %s", tmp, strerror(errno));
    strbuf_addf(&name, "%snew/%lld.V%llxI%llxM%lld.%s", dir->path, (long long)now->tv_sec,
                (unsigned long long)st.st_dev, (unsigned long long)st.st_ino,
                (long long)now->tv_usec, host);
    /* Dies after the link: the mail is there and is delivered once more after the restart. */
    if (link(tmp, name.s) < 0 &&
        (errno != ENOENT || !make_maildir(dir->path) || link(tmp, name.s) < 0))
        return mailbox_trouble_set(t, mailbox_trouble_dsn(errno, dir->default_dsn),
                                   "create maildir file %s: %s", name.s, strerror(errno));
    if (needs_directory_sync(&st, queue_fd))
        sync_directory(dir, t);
    return true;
}

static bool deliver_as_user(const struct mailbox_maildir *dir, const struct mailbox_message *m,
                            struct mailbox_trouble *t)
{
    CLEANUP(strbuf_done) struct strbuf tmp = STRBUF_ANY;
    CLEANUP(strbuf_done) struct strbuf host = STRBUF_ANY;
    struct timeval now;
    clock_wall(&now);
    host_name(&host);
    CLEANUP(fd_done) int fd = create_tmp(dir, &now, host.s, &tmp);
    if (fd < 0) {
        int error = errno;
        if (error == EACCES || error == EPERM || error == ENOENT)
            snprintf(t->warning, sizeof t->warning,
                     "maildir access problem for UID/GID=%lu/%lu: create maildir file %s: %s",
                     (unsigned long)dir->rights.uid, (unsigned long)dir->rights.gid, tmp.s,
                     strerror(error));
        return mailbox_trouble_set(t, mailbox_trouble_dsn(error, dir->default_dsn),
                                   "create maildir file %s: %s", tmp.s, strerror(error));
    }
    bool ok = fill(dir, fd, m, t) && publish(dir, fd, m->queue_fd, &now, host.s, tmp.s, t);
    unlink(tmp.s);
    return ok;
}

bool mailbox_maildir_deliver(const struct mailbox_maildir *dir, const struct mailbox_message *m,
                             struct mailbox_trouble *t)
{
    struct err err = ERR_INIT;
    t->warning[0] = '\0';
    if (!user_rights_take(&dir->rights, &err))
        return mailbox_trouble_set(t, "4.3.0", "%s", err.reason);
    bool ok = deliver_as_user(dir, m, t);
    user_rights_return();
    return ok;
}
