#include "local/local_textfile.h"

#include "io/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum local_textfile open_failed(const char *path, struct err *err)
{
    if (errno == ENOENT || errno == ENOTDIR)
        return LOCAL_TEXTFILE_NONE;
    if (errno == ELOOP)
        err_set(err, ERR_PERM, "file %s is not a regular file", path);
    else
        err_set(err, ERR_TEMP, "cannot open file %s: %s", path, strerror(errno));
    bool temporary = errno == ETIMEDOUT || errno == ESTALE || errno == EIO || errno == EMFILE ||
                     errno == ENFILE || errno == ENOMEM;
    return temporary ? LOCAL_TEXTFILE_FAILED : LOCAL_TEXTFILE_REFUSED;
}

static bool check(const char *path, const struct stat *st, uid_t uid, struct err *err)
{
    if (!S_ISREG(st->st_mode))
        return err_set(err, ERR_PERM, "file %s is not a regular file", path);
    if (st->st_uid != 0 && st->st_uid != uid)
        return err_set(err, ERR_PERM, "file %s has bad owner uid %u", path, (unsigned)st->st_uid);
    if (st->st_mode & S_IWOTH)
        return err_set(err, ERR_PERM, "file %s is world writable", path);
    return true;
}

static bool read_all(int fd, const char *path, struct strbuf *text, struct err *err)
{
    enum { CHUNK = 64 * 1024 };
    for (;;) {
        char *room = strbuf_room(text, CHUNK);
        ssize_t n = room ? read(fd, room, CHUNK) : 0;
        if (!room || text->len > LOCAL_TEXTFILE_MAX)
            return err_set(err, ERR_TEMP, "file %s is larger than %d bytes", path,
                           LOCAL_TEXTFILE_MAX);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set(err, ERR_TEMP, "read file %s: %s", path, strerror(errno));
        if (n == 0)
            return true;
        strbuf_grew(text, (size_t)n);
    }
}

enum local_textfile local_textfile_read(const char *path, const struct user_rights *rights,
                                        bool follow, struct strbuf *ret_text, struct err *err)
{
    struct stat st;
    if (!user_rights_take(rights, err))
        return LOCAL_TEXTFILE_FAILED;
    CLEANUP(fd_done)
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW));
    user_rights_return();
    if (fd < 0)
        return open_failed(path, err);
    if (fstat(fd, &st) < 0)
        return err_set(err, ERR_TEMP, "fstat %s: %s", path, strerror(errno)), LOCAL_TEXTFILE_FAILED;
    if (!check(path, &st, rights->uid, err))
        return LOCAL_TEXTFILE_REFUSED;
    return read_all(fd, path, ret_text, err) ? LOCAL_TEXTFILE_OK : LOCAL_TEXTFILE_FAILED;
}
