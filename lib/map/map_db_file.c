/* map_db_file: see the header. */
#include "map/map_db_file.h"

#include "base/xmem.h"
#include "io/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

struct map_db_file {
    char *path, *temporary;
    int old_fd; /* the table there is, locked; -1: none */
    struct stat old;
    mode_t mode;
    bool copies; /* no rename: copy into the old file */
};

static bool failed(const char *what, const char *path, struct err *err)
{
    return err_set(err, ERR_TEMP, "%s %s: %s", what, path, strerror(errno));
}

bool map_db_file_has_changed(int fd, const struct stat *opened)
{
    struct stat now;
    return fstat(fd, &now) < 0 || now.st_nlink == 0 || now.st_size != opened->st_size ||
           now.st_mtim.tv_sec != opened->st_mtim.tv_sec ||
           now.st_mtim.tv_nsec != opened->st_mtim.tv_nsec;
}

bool map_db_file_is_whole(int fd, const struct stat *opened, const char *path, struct err *err)
{
    struct stat now;
    return (fstat(fd, &now) == 0 && now.st_size >= opened->st_size) ||
           err_set(err, ERR_TEMP, "read database %s: file was cut off", path);
}

bool map_db_file_is_at(const char *path, const struct stat *opened)
{
    struct stat there;
    return stat(path, &there) == 0 && there.st_ino == opened->st_ino &&
           there.st_dev == opened->st_dev;
}

void map_db_file_warn_when_old(struct map *map, const char *source, const char *path,
                               const struct stat *opened)
{
    enum { UNDER_WAY_SECONDS = 100 }; /* a source that young may be on its way into the table */
    struct stat st;
    if (stat(source, &st) == 0 && st.st_mtime > opened->st_mtime &&
        st.st_mtime < time(NULL) - UNDER_WAY_SECONDS)
        map_warn(map, "database %s is older than source file %s", path, source);
}

static bool lock_for_writing(int fd)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int status;
    do {
        status = fcntl(fd, F_SETLKW, &lock);
    } while (status < 0 && errno == EINTR);
    return status == 0 && fd_lock(fd, true, true);
}

/* Open and lock the table there is, if any, in a way that a writer may. */
static bool open_old(struct map_db_file *file, struct err *err)
{
    for (;;) {
        file->old_fd = open(file->path, O_RDWR | O_CLOEXEC | O_NOCTTY);
        if (file->old_fd < 0)
            return errno == ENOENT || failed("open", file->path, err);
        if (!lock_for_writing(file->old_fd) || fstat(file->old_fd, &file->old) < 0)
            return failed("lock", file->path, err);
        if (map_db_file_is_at(file->path, &file->old))
            return true;
        fd_done(&file->old_fd); /* replaced while we waited */
    }
}

static bool make_temporary(struct map_db_file *file, const char *template, struct err *err)
{
    free(file->temporary);
    file->temporary = xasprintf("%s.XXXXXX", template);
    CLEANUP(fd_done) int fd = mkostemp(file->temporary, O_CLOEXEC);
    if (fd >= 0)
        return true;
    free(file->temporary);
    file->temporary = NULL;
    return failed("open", file->path, err);
}

struct map_db_file *map_db_file_new(const char *source, const char *path, bool default_mode,
                                    struct err *err)
{
    struct map_db_file *file = xzalloc(sizeof *file);
    struct stat st;
    file->path = xstrdup(path);
    file->old_fd = -1;
    file->mode = 0644;
    if (!open_old(file, err)) {
        map_db_file_free(file);
        return NULL;
    }
    if (file->old_fd >= 0)
        file->mode = file->old.st_mode & 07777;
    else if (!default_mode && stat(source, &st) == 0)
        file->mode = 0600 | (st.st_mode & 044);

    bool ok = make_temporary(file, path, err);
    if (!ok && file->old_fd >= 0 && errno == EACCES) {
        file->copies = true;
        ok = make_temporary(file, "/tmp/table", err);
    }
    if (ok)
        return file;
    map_db_file_free(file);
    return NULL;
}

const char *map_db_file_temporary(const struct map_db_file *file)
{
    return file->temporary;
}

static bool copy_content(int from, int to)
{
    static const size_t size = 65536;
    CLEANUP(xfree_ptr) char *buffer = xmalloc(size);
    off_t offset = 0;
    for (;;) {
        ssize_t len = pread(from, buffer, size, offset);
        if (len < 0)
            return false;
        if (len == 0)
            return ftruncate(to, offset) == 0 && fsync(to) == 0;
        if (!fd_pwrite_all(to, buffer, (size_t)len, offset))
            return false;
        offset += len;
    }
}

bool map_db_file_commit(struct map_db_file *file, struct err *err)
{
    CLEANUP(fd_done) int fd = open(file->temporary, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return failed("open", file->temporary, err);
    if (file->copies)
        return copy_content(fd, file->old_fd) || failed("write", file->path, err);
    /* only root can, and need, give the file back to the owner of the one before */
    if (file->old_fd >= 0 && geteuid() == 0 && fchown(fd, file->old.st_uid, file->old.st_gid) < 0)
        return failed("chown", file->temporary, err);
    if (fchmod(fd, file->mode) < 0 || fsync(fd) < 0)
        return failed("write", file->temporary, err);
    if (rename(file->temporary, file->path) < 0)
        return failed("rename", file->temporary, err);
    free(file->temporary);
    file->temporary = NULL;
    return true;
}

void map_db_file_free(struct map_db_file *file)
{
    if (!file)
        return;
    if (file->temporary)
        unlink(file->temporary);
    fd_done(&file->old_fd);
    free(file->path);
    free(file->temporary);
    free(file);
}
