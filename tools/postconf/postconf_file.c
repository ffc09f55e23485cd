#include "postconf_file.h"

#include "base/xmem.h"
#include "config/logical_line.h"
#include "io/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* Open and lock NAME.tmp. What a process that died left in it is dropped. */
static bool lock(struct postconf_file *file, struct err *err)
{
    for (;;) {
        struct stat opened, named;
        file->temp = open(file->temp_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (file->temp < 0)
            return err_set(err, ERR_CONFIG, "open %s: %s", file->temp_path, strerror(errno));
        if (!fd_lock(file->temp, true, true) || fstat(file->temp, &opened) < 0)
            return err_set(err, ERR_CONFIG, "lock %s: %s", file->temp_path, strerror(errno));
        /* whoever had the lock may have renamed or removed the file meanwhile */
        if (stat(file->temp_path, &named) == 0 && named.st_dev == opened.st_dev &&
            named.st_ino == opened.st_ino)
            break;
        fd_done(&file->temp);
        file->temp = -1;
    }
    return ftruncate(file->temp, 0) == 0 ||
           err_set(err, ERR_CONFIG, "truncate %s: %s", file->temp_path, strerror(errno));
}

bool postconf_file_open(struct postconf_file *file, const char *path, struct err *err)
{
    *file = (struct postconf_file){.path = xstrdup(path),
                                   .temp_path = xasprintf("%s.tmp", path),
                                   .temp = -1,
                                   .content = STRBUF_ANY};
    if (stat(path, &file->old) < 0)
        return err_set(err, ERR_CONFIG, "open %s for reading: %s", path, strerror(errno));
    return lock(file, err) && logical_line_read_file(path, &file->content, err);
}

/* An ordinary user may keep the owner and group only when they are his own. */
static bool fill(const struct postconf_file *file, struct slice content)
{
    bool same_owner = fchown(file->temp, file->old.st_uid, file->old.st_gid) == 0 || errno == EPERM;
    return same_owner && fd_write_all(file->temp, content.s, content.len) &&
           fchmod(file->temp, file->old.st_mode & 07777) == 0 && fsync(file->temp) == 0;
}

static bool sync_directory(const char *path)
{
    CLEANUP(xfree_ptr) char *dir = xstrdup(path);
    char *slash = strrchr(dir, '/');
    if (slash)
        *slash = '\0';
    CLEANUP(fd_done)
    int fd = open(slash ? (*dir ? dir : "/") : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 && fsync(fd) == 0;
}

bool postconf_file_replace(struct postconf_file *file, struct slice content, struct err *err)
{
    if (!fill(file, content))
        return err_set(err, ERR_CONFIG, "write %s: %s", file->temp_path, strerror(errno));
    if (rename(file->temp_path, file->path) < 0)
        return err_set(err, ERR_CONFIG, "rename %s to %s: %s", file->temp_path, file->path,
                       strerror(errno));
    fd_done(&file->temp);
    file->temp = -1;
    return sync_directory(file->path) ||
           err_set(err, ERR_CONFIG, "sync the directory of %s: %s", file->path, strerror(errno));
}

void postconf_file_done(struct postconf_file *file)
{
    if (file->temp >= 0) {
        (void)unlink(file->temp_path); /* still locked: it is ours */
        fd_done(&file->temp);
    }
    strbuf_done(&file->content);
    free(file->path);
    free(file->temp_path);
}
