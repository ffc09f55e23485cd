/*
 * Removing an instance. Only what the mail system makes is removed, by name; a directory that is
 * not empty then stays, with a warning.
 *
 * No file below a queue that holds mail is ever unlinked: such directories are removed by rmdir()
 * alone, so that mail that comes in at this moment keeps its directory.
 */
#include "postmulti/postmulti.h"

#include "base/xmem.h"
#include "io/fd.h"
#include "log/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WALK_FDS = 16 };

static const char *const mail_queues[] = {"maildrop", "incoming", "active", "deferred",
                                          "hold",     "corrupt",  "saved"};
static bool has_mail;

static int on_queue_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)path;
    (void)st;
    (void)at;
    has_mail |= type != FTW_D;
    return has_mail;
}

static void check_queue(const struct instance *instance)
{
    for (size_t i = 0; i < COUNT_OF(mail_queues); i++) {
        CLEANUP(xfree_ptr) char *path = xasprintf("%s/%s", instance->queue, mail_queues[i]);
        has_mail = false;
        if (nftw(path, on_queue_entry, WALK_FDS, FTW_PHYS) < 0 && errno != ENOENT)
            log_fatal("scan %s: %s", path, strerror(errno));
        if (has_mail)
            log_fatal("Cannot remove instance %s: there is mail in %s", instance->dir, path);
    }
}

static void remove_dir(const char *path)
{
    if (rmdir(path) < 0 && errno != ENOENT)
        log_warn(NULL, "%s: please verify contents and remove by hand", path);
}

static int on_empty_dir(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    if (type == FTW_DP && at->level > 0)
        rmdir(path); /* what cannot be removed is told of by the one above it */
    return 0;
}

/* NAMES NULL: plain files, fifos and sockets of any name. Nothing is followed: the queue's owner,
 * who may write here, is not trusted with root's rights. */
static void remove_files(const char *dir, const char *const *names)
{
    CLEANUP(fd_done) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return;
    for (; names && *names; names++)
        unlinkat(fd, *names, 0);
    if (names)
        return;
    DIR *entries = fdopendir(fd_take(&fd));
    if (!entries)
        return;
    for (const struct dirent *entry; (entry = readdir(entries));)
        if (entry->d_name[0] != '.')
            unlinkat(dirfd(entries), entry->d_name, 0);
    closedir(entries);
}

static void empty_queue(const char *queue)
{
    static const char *const others[] = {"bounce",  "defer", "trace",   "flush",
                                         "journal", "pid",   "private", "public"};
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        CLEANUP(xfree_ptr) char *path = xasprintf("%s/%s", queue, others[i]);
        if (strchr("jp", others[i][0]))
            remove_files(path, NULL); /* locks, sockets, journals (the queues are empty) */
        nftw(path, on_empty_dir, WALK_FDS, FTW_PHYS | FTW_DEPTH);
        remove_dir(path);
    }
    for (size_t i = 0; i < COUNT_OF(mail_queues); i++) {
        CLEANUP(xfree_ptr) char *path = xasprintf("%s/%s", queue, mail_queues[i]);
        nftw(path, on_empty_dir, WALK_FDS, FTW_PHYS | FTW_DEPTH);
        remove_dir(path);
    }
    remove_dir(queue);
}

void postmulti_empty(const struct instance *instance)
{
    static const char *const data[] = {
        "master.lock",      "prng_exch",         "smtpd_scache.db",       "smtp_scache.db",
        "lmtp_scache.db",   "verify_cache.db",   "postscreen_cache.db",   "smtpd_scache.lmdb",
        "smtp_scache.lmdb", "verify_cache.lmdb", "postscreen_cache.lmdb", NULL};
    check_queue(instance);
    empty_queue(instance->queue);
    remove_files(instance->data, data);
    remove_dir(instance->data);
}

void postmulti_remove_config(const struct instance *instance)
{
    static const char *const files[] = {"main.cf", "master.cf", NULL};
    remove_files(instance->dir, files);
    remove_dir(instance->dir);
}
