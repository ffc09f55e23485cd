/*
 * Appending to an mbox file.
 *
 * The file is opened first, following no symbolic link but root's, and then looked at: what was
 * opened is what is written. Locks are held from before the size is read until the data is synced.
 */
#include "delivery/mailbox_mbox.h"

#include "base/xmem.h"
#include "io/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OPEN_TRIES = 3 };

struct append {
    int fd;
    off_t size, limit; /* limit 0: none */
    int error;         /* errno of the write that failed */
};

/* One attempt to deliver, of some. */
struct attempt {
    bool has_lock_file;
    bool is_busy; /* failed because another holds a lock: worth another one */
    bool is_new;  /* this one or one before it made the mailbox */
};

static const struct user_rights super_user = {0, 0};

/* Root has a part in it: the rights change from step to step. Otherwise all is done with the
 * user's. */
static bool has_root_part(const struct mailbox_mbox *mbox)
{
    return mbox->directory_is_roots && user_rights_can_change();
}

static const struct user_rights *directory_rights(const struct mailbox_mbox *mbox)
{
    return has_root_part(mbox) ? &super_user : &mbox->rights;
}

static bool take_rights(const struct user_rights *rights, struct mailbox_trouble *t)
{
    struct err err = ERR_INIT;
    return user_rights_take(rights, &err) || mailbox_trouble_set(t, "4.3.0", "%s", err.reason);
}

static bool enter(const struct mailbox_mbox *mbox, const struct user_rights *rights,
                  struct mailbox_trouble *t)
{
    return !has_root_part(mbox) || take_rights(rights, t);
}

static void leave(const struct mailbox_mbox *mbox)
{
    if (has_root_part(mbox))
        user_rights_return();
}

static bool lock_dot(const struct mailbox_mbox *mbox, struct mailbox_trouble *t,
                     struct attempt *attempt)
{
    if (!(mbox->lock.kinds & MAILBOX_LOCK_DOTLOCK))
        return true;
    if (!enter(mbox, directory_rights(mbox), t))
        return false;
    struct stat st;
    bool is_special = mbox->may_be_special && lstat(mbox->path, &st) == 0 && !S_ISREG(st.st_mode);
    attempt->has_lock_file = !is_special && mailbox_lock_dot(mbox->path, &mbox->lock);
    attempt->is_busy = !is_special && !attempt->has_lock_file && errno == EEXIST;
    leave(mbox);
    if (attempt->has_lock_file || is_special)
        return true;
    snprintf(t->warning, sizeof t->warning, "unable to create lock file %s.lock: %s", mbox->path,
             strerror(errno));
    if (!attempt->is_busy && !mbox->must_have_lock_file)
        return true;
    mailbox_trouble_set(t,
                        attempt->is_busy ? "4.2.0" : mailbox_trouble_dsn(errno, mbox->default_dsn),
                        "%s", t->warning);
    t->warning[0] = '\0';
    return false;
}

static void unlock_dot(const struct mailbox_mbox *mbox, const struct attempt *attempt)
{
    struct mailbox_trouble ignored;
    if (!attempt->has_lock_file || !enter(mbox, directory_rights(mbox), &ignored))
        return;
    mailbox_lock_dot_remove(mbox->path);
    leave(mbox);
}

/*
 * Open what a symbolic link leads to that only root can have put there; ELOOP when others can.
 *
 * The directory is held open from the look to the open. Whoever can rename directories above it
 * could otherwise slip in one with a link of his own in between, and so have mail appended to any
 * file of the recipient. To be led to another of root's links is nothing that a directory of plain
 * files would not allow as well; what is opened there the recipient may write.
 */
static int open_roots_link(const char *path, int flags)
{
    struct stat link, dir;
    struct slice whole = slice_of(path);
    size_t slash = slice_rfind(whole, '/');
    const char *name = slash == SIZE_MAX ? path : path + slash + 1;
    CLEANUP(xfree_ptr)
    char *parent = slice_dup(slash == SIZE_MAX ? slice_of(".") : slice_first(whole, slash + 1));
    CLEANUP(fd_done) int dir_fd = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd < 0 || fstat(dir_fd, &dir) < 0 || fstatat(dir_fd, name, &link, AT_SYMLINK_NOFOLLOW))
        return -1;
    if (S_ISLNK(link.st_mode) && link.st_uid == 0 && dir.st_uid == 0 &&
        !(dir.st_mode & (S_IWGRP | S_IWOTH)))
        return openat(dir_fd, name, flags);
    errno = ELOOP;
    return -1;
}

static int open_old(const struct mailbox_mbox *mbox, struct mailbox_trouble *t)
{
    /* non-blocking: nobody may be reading a FIFO */
    enum { FLAGS = O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC };
    if (!enter(mbox, &mbox->rights, t))
        return -1;
    int fd = open(mbox->path, FLAGS | O_NOFOLLOW);
    int error = errno;
    bool is_link = fd < 0 && error == ELOOP;
    if (is_link) {
        fd = open_roots_link(mbox->path, FLAGS);
        error = errno;
    }
    leave(mbox);
    if (fd >= 0)
        return fd;
    if (error == ELOOP)
        mailbox_trouble_set(t, mbox->default_dsn, "file is a symbolic link");
    else
        mailbox_trouble_set(t, mailbox_trouble_dsn(error, mbox->default_dsn),
                            "cannot open file: %s", strerror(error));
    errno = is_link && error == ENOENT ? ENOTDIR : error; /* nothing is made at a link's far end */
    return -1;
}

/* A user's new mailbox in the administrator's directory belongs to the user from the start as far
 * as others can see: it is empty until it does. */
static bool give_away(const struct mailbox_mbox *mbox, int fd, struct mailbox_trouble *t)
{
    struct stat st;
    if (directory_rights(mbox) != &super_user || mbox->rights.uid == 0)
        return true;
    /* in a set-gid directory (mode 2775, group mail) the group is the directory's */
    gid_t group = fstat(fd, &st) == 0 && st.st_gid != 0 ? (gid_t)-1 : mbox->rights.gid;
    if (fchown(fd, mbox->rights.uid, group) == 0)
        return true;
    return mailbox_trouble_set(t, "4.3.0", "cannot change file ownership: %s", strerror(errno));
}

/* Dies between create and chown: root's empty file stays, and mail for the user is refused by the
 * ownership check until the administrator looks. */
static int create_new(const struct mailbox_mbox *mbox, struct mailbox_trouble *t)
{
    if (!enter(mbox, directory_rights(mbox), t))
        return -1;
    CLEANUP(fd_done)
    int fd =
        open(mbox->path, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC,
             S_IRUSR | S_IWUSR);
    int error = errno;
    bool ok = fd >= 0 && give_away(mbox, fd, t);
    leave(mbox);
    if (ok)
        return fd_take(&fd);
    if (fd < 0)
        mailbox_trouble_set(t, mailbox_trouble_dsn(error, mbox->default_dsn),
                            "cannot create file exclusively: %s", strerror(error));
    errno = fd < 0 ? error : EPERM;
    return -1;
}

static int open_or_create(const struct mailbox_mbox *mbox, struct mailbox_trouble *t,
                          bool *ret_is_new)
{
    for (int try = 0;; try++) {
        int fd = open_old(mbox, t);
        *ret_is_new = false;
        if (fd >= 0 || errno != ENOENT)
            return fd;
        fd = create_new(mbox, t);
        *ret_is_new = fd >= 0;
        /* somebody created it in between */
        if (fd >= 0 || errno != EEXIST || try == OPEN_TRIES)
            return fd;
    }
}

static bool check_opened(const struct mailbox_mbox *mbox, int fd, bool *ret_is_regular,
                         struct mailbox_trouble *t)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return mailbox_trouble_set(t, "4.2.0", "cannot open file: %s", strerror(errno));
    *ret_is_regular = S_ISREG(st.st_mode);
    if (!*ret_is_regular && !mbox->may_be_special)
        return mailbox_trouble_set(t, mbox->default_dsn, "destination is not a regular file");
    if (*ret_is_regular && st.st_nlink != 1)
        return mailbox_trouble_set(t, mbox->default_dsn, "file has %lu hard links",
                                   (unsigned long)st.st_nlink);
    if (*ret_is_regular && mbox->must_be_owner && st.st_uid != mbox->rights.uid)
        return mailbox_trouble_set(t, "4.2.0", "destination %s is not owned by recipient",
                                   mbox->path);
    return true;
}

static bool append_put(void *ctx, struct slice text)
{
    struct append *a = ctx;
    if (a->limit > 0 && (a->size > a->limit || (off_t)text.len > a->limit - a->size)) {
        a->error = EFBIG;
        return false;
    }
    /* Dies here: a torn message stays at the end of the mailbox and the whole message is appended
     * after the restart. Dies after the last write: the mail is delivered twice, never lost. */
    if (!fd_write_all(a->fd, text.s, text.len)) {
        a->error = errno;
        return false;
    }
    a->size += (off_t)text.len;
    return true;
}

/* The new name must be as durable as the data. */
static bool sync_parent(const char *path)
{
    CLEANUP(strbuf_done) struct strbuf dir = STRBUF_ANY;
    size_t slash = slice_rfind(slice_of(path), '/');
    strbuf_add_slice(&dir,
                     slash == SIZE_MAX ? slice_of(".") : slice_first(slice_of(path), slash + 1));
    CLEANUP(fd_done) int fd = open(dir.s, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 || fsync(fd) == 0 || errno == EINVAL; /* unreadable: we have done what we could */
}

static bool append(const struct mailbox_mbox *mbox, int fd, bool is_regular,
                   const struct mailbox_message *m, struct mailbox_trouble *t)
{
    off_t before = is_regular ? lseek(fd, 0, SEEK_END) : 0;
    struct append a = {.fd = fd, .size = before, .limit = is_regular ? mbox->size_limit : 0};
    struct err err = ERR_INIT;
    if (mbox->ret_start)
        *mbox->ret_start = before;
    enum mailbox_copy status = mailbox_message_copy(m, MAILBOX_FORM_MBOX, append_put, &a, &err);
    if (status == MAILBOX_COPY_OK && is_regular && fsync(fd) < 0) {
        a.error = errno;
        status = MAILBOX_COPY_UNWRITABLE;
    }
    if (status == MAILBOX_COPY_OK)
        return true;
    if (is_regular && ftruncate(fd, before) < 0)
        snprintf(t->warning, sizeof t->warning, "%s: cannot truncate to its former size: %s",
                 mbox->path, strerror(errno));
    if (status == MAILBOX_COPY_UNREADABLE)
        return mailbox_trouble_set(t, "4.3.0", "cannot read queue file: %s", err.reason);
    return mailbox_trouble_set(t, mailbox_trouble_dsn(a.error, mbox->default_dsn),
                               "error writing message: %s", strerror(a.error));
}

static bool lock_and_append(const struct mailbox_mbox *mbox, const struct mailbox_message *m,
                            struct mailbox_trouble *t, struct attempt *attempt)
{
    bool is_new = false, is_regular = false;
    CLEANUP(fd_done) int fd = open_or_create(mbox, t, &is_new);
    attempt->is_new |= is_new;
    if (fd < 0 || !check_opened(mbox, fd, &is_regular, t))
        return false;
    if (!is_regular)
        fd_set_nonblocking(fd, false);
    else if (!mailbox_lock_file(fd, &mbox->lock)) {
        attempt->is_busy = errno == EAGAIN;
        return mailbox_trouble_set(t, "4.2.0", "cannot lock file: %s", strerror(errno));
    }
    if (!append(mbox, fd, is_regular, m, t))
        return false;
    if (attempt->is_new && !sync_parent(mbox->path))
        snprintf(t->warning, sizeof t->warning, "%s: directory is not synced: %s", mbox->path,
                 strerror(errno));
    return true;
}

/* mutt and mailx have their fcntl lock when they ask for the lock file: to wait for the one with
 * the other would be to wait for each other. Nothing is held between attempts. */
static bool deliver(const struct mailbox_mbox *mbox, const struct mailbox_message *m,
                    struct mailbox_trouble *t)
{
    struct attempt attempt = {0};
    for (int64_t count = 1;; count++) {
        attempt = (struct attempt){.is_new = attempt.is_new};
        t->warning[0] = '\0';
        bool ok = lock_dot(mbox, t, &attempt) && lock_and_append(mbox, m, t, &attempt);
        unlock_dot(mbox, &attempt);
        if (ok || !attempt.is_busy || count >= mbox->lock.attempts)
            return ok;
        mailbox_lock_wait(&mbox->lock);
    }
}

bool mailbox_mbox_deliver(const struct mailbox_mbox *mbox, const struct mailbox_message *m,
                          struct mailbox_trouble *t)
{
    t->warning[0] = '\0';
    if (!has_root_part(mbox) && !take_rights(&mbox->rights, t))
        return false;
    bool ok = deliver(mbox, m, t);
    if (!has_root_part(mbox))
        user_rights_return();
    return ok;
}

bool mailbox_mbox_directory_is_roots(const char *path)
{
    CLEANUP(strbuf_done) struct strbuf dir = STRBUF_ANY;
    struct stat st;
    size_t slash = slice_rfind(slice_of(path), '/');
    if (slash == SIZE_MAX)
        return false;
    strbuf_add_slice(&dir, slice_first(slice_of(path), slash + 1));
    return stat(dir.s, &st) == 0 && st.st_uid == 0 && !(st.st_mode & S_IWOTH);
}
