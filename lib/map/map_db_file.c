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

/* Open and lock the table there is, if any, in a way that a writer may. */
static bool open_old(struct map_db_file *file, struct err *err)
{
    for (;;) {
        file->old_fd = open(file->path, O_RDWR | O_CLOEXEC | O_NOCTTY);
        if (file->old_fd < 0)
            return errno == ENOENT || failed("open", file->path, err);
        struct stat by_name;
        if (!fd_lock(file->old_fd, true, true) || fstat(file->old_fd, &file->old) < 0)
            return failed("lock", file->path, err);
        if (stat(file->path, &by_name) == 0 && by_name.st_ino == file->old.st_ino &&
            by_name.st_dev == file->old.st_dev)
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
