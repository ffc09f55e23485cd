/* The jail's copies of the system's files. Its own directory is not trusted to hold what we left
 * there: nothing on that side is reached through a link, and a file is replaced, never written. */
#include "postfix/postfix_jail.h"

#include "config/common_params.h"
#include "io/fd.h"
#include "log/log.h"
#include "postfix/postfix.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const names[] = {
    "localtime", "services", "resolv.conf", "hosts", "host.conf", "nsswitch.conf",
};

enum { SIZE_MAX_BYTES = 1024 * 1024, DIR_MODE = 0755, FILE_MODE = 0644, MODE_BITS = 07777 };
static const char temporary_name[] = ".postfix-copy";

bool postfix_jail_is_used(const struct master_entry *entries, const char *compatibility_level)
{
    for (const struct master_entry *entry = entries; entry; entry = entry->next)
        if (master_entry_is_jailed(entry, compatibility_level))
            return true;
    return false;
}

/* CONTENT's maximum is one byte more than what is allowed. */
static bool read_all(int fd, struct strbuf *content, struct err *err)
{
    char buffer[8192];
    ssize_t n;
    while ((n = read(fd, buffer, sizeof buffer)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set(err, ERR_TEMP, "read: %s", strerror(errno));
        strbuf_add(content, buffer, (size_t)n);
        if (content->len > SIZE_MAX_BYTES)
            return err_set(err, ERR_CONFIG, "larger than %d bytes", SIZE_MAX_BYTES);
    }
    return true;
}

/* RET_EXISTS: the system may well do without some of these files. */
static bool read_source(const char *path, struct strbuf *content, bool *ret_exists, struct err *err)
{
    struct stat st;
    CLEANUP(fd_done) int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    *ret_exists = fd >= 0 || errno != ENOENT;
    if (fd < 0)
        return !*ret_exists || err_set(err, ERR_TEMP, "open: %s", strerror(errno));
    if (fstat(fd, &st) < 0)
        return err_set(err, ERR_TEMP, "fstat: %s", strerror(errno));
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_CONFIG, "not a regular file");
    return read_all(fd, content, err);
}

/* Is the copy root's, readable by all, and like CONTENT? */
static bool is_up_to_date(int dir, const char *name, const struct strbuf *content)
{
    struct stat st;
    CLEANUP(strbuf_done) struct strbuf copy = STRBUF_INIT(SIZE_MAX_BYTES + 1);
    CLEANUP(fd_done)
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return false;
    if (st.st_uid != 0 || st.st_gid != 0 || (st.st_mode & MODE_BITS) != FILE_MODE)
        return false;
    return read_all(fd, &copy, NULL) && copy.len == content->len &&
           memcmp(copy.s, content->s, content->len) == 0;
}

static bool write_temporary(int dir, const struct strbuf *content, struct err *err)
{
    CLEANUP(fd_done)
    int fd =
        openat(dir, temporary_name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_set(err, ERR_TEMP, "create %s: %s", temporary_name, strerror(errno));
    if (!fd_write_all(fd, content->s, content->len))
        return err_set(err, ERR_TEMP, "write: %s", strerror(errno));
    if (fchown(fd, 0, 0) < 0 || fchmod(fd, FILE_MODE) < 0)
        return err_set(err, ERR_TEMP, "set owner and mode: %s", strerror(errno));
    if (close(fd_take(&fd)) < 0)
        return err_set(err, ERR_TEMP, "close: %s", strerror(errno));
    return true;
}

static bool replace(int dir, const char *name, const struct strbuf *content, struct err *err)
{
    if (unlinkat(dir, temporary_name, 0) < 0 && errno != ENOENT) /* left by a crash */
        return err_set(err, ERR_TEMP, "remove %s: %s", temporary_name, strerror(errno));
    bool done = write_temporary(dir, content, err);
    if (done && renameat(dir, temporary_name, dir, name) < 0)
        done = err_set(err, ERR_TEMP, "rename: %s", strerror(errno));
    if (!done)
        unlinkat(dir, temporary_name, 0);
    return done;
}

static void update_file(int dir, const char *name)
{
    struct err err = ERR_INIT;
    bool exists;
    CLEANUP(strbuf_done) struct strbuf source = STRBUF_ANY;
    CLEANUP(strbuf_done) struct strbuf content = STRBUF_INIT(SIZE_MAX_BYTES + 1);
    strbuf_addf(&source, "/etc/%s", name);
    if (!read_source(source.s, &content, &exists, &err))
        log_warn(NULL, "%s is not copied to %s%s: %s", source.s, common_params.queue_directory,
                 source.s, err.reason);
    else if (exists && !is_up_to_date(dir, name, &content) && !replace(dir, name, &content, &err))
        log_warn(NULL, "cannot update %s%s: %s", common_params.queue_directory, source.s,
                 err.reason);
}

/* The directory etc of the jail, root's alone; -1 with ERR. */
static int open_dir(struct err *err)
{
    struct stat st;
    const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    CLEANUP(fd_done) int queue = open(common_params.queue_directory, flags);
    if (queue < 0) {
        err_set(err, ERR_TEMP, "open %s: %s", common_params.queue_directory, strerror(errno));
        return -1;
    }
    if (mkdirat(queue, "etc", DIR_MODE) < 0 && errno != EEXIST) {
        err_set(err, ERR_TEMP, "mkdir: %s", strerror(errno));
        return -1;
    }
    CLEANUP(fd_done) int dir = openat(queue, "etc", flags | O_NOFOLLOW);
    if (dir < 0 || fstat(dir, &st) < 0) {
        err_set(err, ERR_TEMP, "open: %s", strerror(errno));
        return -1;
    }
    bool is_right = st.st_uid == 0 && st.st_gid == 0 && (st.st_mode & MODE_BITS) == DIR_MODE;
    if (!is_right && (fchown(dir, 0, 0) < 0 || fchmod(dir, DIR_MODE) < 0)) {
        err_set(err, ERR_TEMP, "set owner and mode: %s", strerror(errno));
        return -1;
    }
    return fd_take(&dir);
}

static bool is_used(const struct postfix *postfix)
{
    struct err err = ERR_INIT;
    struct master_entry *entries = NULL;
    CLEANUP(strbuf_done) struct strbuf file = STRBUF_ANY;
    strbuf_addf(&file, "%s/master.cf", postfix->dir);
    if (!master_cf_load(file.s, &entries, &err)) {
        log_warn(NULL, "the jail's files are not updated: %s", err.reason);
        return false;
    }
    bool used = postfix_jail_is_used(entries, common_params.compatibility_level);
    master_cf_free(entries);
    return used;
}

void postfix_jail_update(const struct postfix *postfix)
{
    struct err err = ERR_INIT;
    if (!postfix->is_root || !is_used(postfix))
        return;
    CLEANUP(fd_done) int dir = open_dir(&err);
    if (dir < 0) {
        log_warn(NULL, "cannot update the files of the jail in %s/etc: %s",
                 common_params.queue_directory, err.reason);
        return;
    }
    for (size_t i = 0; i < COUNT_OF(names); i++)
        update_file(dir, names[i]);
}
